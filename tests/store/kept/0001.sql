BEGIN TRANSACTION;
CREATE TABLE attempt (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	trial_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	owner TEXT NOT NULL, 
	lease_seconds DOUBLE NOT NULL, 
	lease_until DATETIME NOT NULL, 
	fresh BOOLEAN NOT NULL, 
	started DATETIME NOT NULL, 
	ended DATETIME, 
	start_step INTEGER, 
	step INTEGER NOT NULL, 
	checkpoint_step INTEGER NOT NULL, 
	comparability JSON NOT NULL, 
	provenance JSON NOT NULL, 
	error TEXT, 
	CONSTRAINT ck_attempt_state CHECK (state IN ('running', 'finished', 'failed', 'diverged', 'stopped', 'lost')), 
	CONSTRAINT fk_attempt_trial_id_trial FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT uq_attempt_trial_id_number UNIQUE (trial_id, number)
);
INSERT INTO "attempt" VALUES(1,2,1,'finished','machine:28186:184870',120.0,'2026-11-24 06:02:48.847685',0,'2026-11-24 06:00:47.792010','2026-11-24 06:00:48.847685',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 28535, "checkpoints_passed_over": []}',NULL);
INSERT INTO "attempt" VALUES(2,3,1,'finished','machine:28186:184870',120.0,'2026-11-24 06:02:52.476266',0,'2026-11-24 06:00:51.790143','2026-11-24 06:00:52.476266',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 28615, "checkpoints_passed_over": []}',NULL);
INSERT INTO "attempt" VALUES(3,4,1,'finished','machine:28186:184870',120.0,'2026-11-24 06:02:50.423371',0,'2026-11-24 06:00:48.979170','2026-11-24 06:00:50.423371',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 28535, "checkpoints_passed_over": []}',NULL);
INSERT INTO "attempt" VALUES(4,1,1,'finished','machine:28186:184870',120.0,'2026-11-24 06:02:51.907405',0,'2026-11-24 06:00:50.722956','2026-11-24 06:00:51.907405',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 28535, "checkpoints_passed_over": []}',NULL);
INSERT INTO "attempt" VALUES(5,6,1,'diverged','machine:29071:191616',120.0,'2026-11-24 06:03:33.490702',0,'2026-11-24 06:01:33.157699','2026-11-24 06:01:33.490702',0,0,0,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29306, "checkpoints_passed_over": []}','generation loss became nan at step 1; the weights before that step are kept');
INSERT INTO "attempt" VALUES(6,7,1,'diverged','machine:29071:191616',120.0,'2026-11-24 06:03:42.397232',0,'2026-11-24 06:01:41.998649','2026-11-24 06:01:42.397232',0,0,0,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29373, "checkpoints_passed_over": []}','generation loss became nan at step 1; the weights before that step are kept');
INSERT INTO "attempt" VALUES(7,5,1,'diverged','machine:29071:191616',120.0,'2026-11-24 06:04:00.829408',0,'2026-11-24 06:02:00.162654','2026-11-24 06:02:00.829408',0,0,0,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29519, "checkpoints_passed_over": []}','generation loss became nan at step 1; the weights before that step are kept');
INSERT INTO "attempt" VALUES(8,8,1,'diverged','machine:29071:191616',120.0,'2026-11-24 06:04:10.286146',0,'2026-11-24 06:02:09.894259','2026-11-24 06:02:10.286146',0,0,0,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29583, "checkpoints_passed_over": []}','generation loss became nan at step 1; the weights before that step are kept');
INSERT INTO "attempt" VALUES(9,6,2,'failed','machine:29071:191616',120.0,'2026-11-24 06:03:33.490702',1,'2026-11-24 06:01:33.157699','2026-11-24 06:01:33.490702',0,5,0,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "bc8ddebdd1d5d8418d14a32983d49e7ef1689ece", "git_dirty": true, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29306, "checkpoints_passed_over": []}','RuntimeError: it''s é, ünd   broken
Traceback (most recent call last):
RuntimeError');
CREATE TABLE curve_point (
	attempt_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	value DOUBLE NOT NULL, 
	time_ms BIGINT NOT NULL, 
	CONSTRAINT pk_curve_point PRIMARY KEY (attempt_id, step, metric), 
	CONSTRAINT fk_curve_point_attempt_id_attempt FOREIGN KEY(attempt_id) REFERENCES attempt (id)
)
 WITHOUT ROWID

;
INSERT INTO "curve_point" VALUES(1,5,'align_loss',8.15887427330017067639e-01,1795500047854);
INSERT INTO "curve_point" VALUES(1,5,'generation_loss',1.62848665714263907133e+00,1795500047854);
INSERT INTO "curve_point" VALUES(1,5,'grad_norm',1.19160133600234985351e+00,1795500047854);
INSERT INTO "curve_point" VALUES(1,5,'peak_memory_mib',564.39453125,1795500047854);
INSERT INTO "curve_point" VALUES(1,5,'steps_per_second',9.10430616013130844521e+01,1795500047854);
INSERT INTO "curve_point" VALUES(1,5,'train_loss',2.03643038272857657133e+00,1795500047854);
INSERT INTO "curve_point" VALUES(1,10,'align_loss',2.63660955429077137335e-01,1795500048024);
INSERT INTO "curve_point" VALUES(1,10,'generation_loss',1.45228514671325692475e+00,1795500048024);
INSERT INTO "curve_point" VALUES(1,10,'grad_norm',7.29225051403045609887e-01,1795500048024);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss',1.66855036913518461894e+00,1795500048116);
INSERT INTO "curve_point" VALUES(1,10,'peak_memory_mib',564.39453125,1795500048024);
INSERT INTO "curve_point" VALUES(1,10,'steps_per_second',5.6632178575833776791e+01,1795500048024);
INSERT INTO "curve_point" VALUES(1,10,'train_loss',1.58411560058593758881e+00,1795500048024);
INSERT INTO "curve_point" VALUES(1,15,'align_loss',1.4342168569564819891e-01,1795500048326);
INSERT INTO "curve_point" VALUES(1,15,'generation_loss',1.34822204113006582915e+00,1795500048326);
INSERT INTO "curve_point" VALUES(1,15,'grad_norm',8.15935659408569380346e-01,1795500048326);
INSERT INTO "curve_point" VALUES(1,15,'peak_memory_mib',568.80859375,1795500048326);
INSERT INTO "curve_point" VALUES(1,15,'steps_per_second',5.87960580487069037767e+01,1795500048326);
INSERT INTO "curve_point" VALUES(1,15,'train_loss',1.41993288993835453659e+00,1795500048326);
INSERT INTO "curve_point" VALUES(1,20,'align_loss',9.77987051010131835937e-02,1795500048525);
INSERT INTO "curve_point" VALUES(1,20,'generation_loss',1.28774878978729256928e+00,1795500048525);
INSERT INTO "curve_point" VALUES(1,20,'grad_norm',1.00076031684875488281e+00,1795500048525);
INSERT INTO "curve_point" VALUES(1,20,'peak_memory_mib',568.80859375,1795500048525);
INSERT INTO "curve_point" VALUES(1,20,'steps_per_second',4.63435788689242329514e+01,1795500048525);
INSERT INTO "curve_point" VALUES(1,20,'train_loss',1.33664817810058589309e+00,1795500048525);
INSERT INTO "curve_point" VALUES(2,5,'align_loss',8.18411147594451882092e-01,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'generation_loss',1.62870662212371830612e+00,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'grad_norm',1.17704564332962036132e+00,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'peak_memory_mib',543.22265625,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'realised_gap',2.83229610323905922619e-01,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'steps_per_second',4.64462156490386774993e+01,1795500051917);
INSERT INTO "curve_point" VALUES(2,5,'train_loss',2.03791220188140886904e+00,1795500051917);
INSERT INTO "curve_point" VALUES(2,10,'align_loss',2.6995856761932374157e-01,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'generation_loss',1.45239298343658451706e+00,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'grad_norm',0.75457683801651,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss',1.66847836805253302294e+00,1795500052119);
INSERT INTO "curve_point" VALUES(2,10,'peak_memory_mib',544.19921875,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'realised_gap',3.63644999265670787469e-01,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'steps_per_second',4.31856001312304442745e+01,1795500052046);
INSERT INTO "curve_point" VALUES(2,10,'train_loss',1.58737227916717538178e+00,1795500052046);
INSERT INTO "curve_point" VALUES(2,15,'align_loss',1.43478131294250493832e-01,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'generation_loss',1.36874828338623055756e+00,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'grad_norm',8.07823491096496537622e-01,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'peak_memory_mib',554.046875,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'realised_gap',3.09458866715431213378e-01,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'steps_per_second',4.77565440155479308242e+01,1795500052255);
INSERT INTO "curve_point" VALUES(2,15,'train_loss',1.44048736095428475678e+00,1795500052255);
INSERT INTO "curve_point" VALUES(2,20,'align_loss',9.78603959083557128906e-02,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'generation_loss',1.21556606292724600493e+00,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'grad_norm',8.57547557353973366467e-01,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'peak_memory_mib',554.046875,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'realised_gap',3.20894223451614390985e-01,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'steps_per_second',5.13835559395036938195e+01,1795500052336);
INSERT INTO "curve_point" VALUES(2,20,'train_loss',1.26449623107910147368e+00,1795500052336);
INSERT INTO "curve_point" VALUES(3,5,'align_loss',4.81548953056335438116e-01,1795500049182);
INSERT INTO "curve_point" VALUES(3,5,'generation_loss',1.57325706481933602631e+00,1795500049182);
INSERT INTO "curve_point" VALUES(3,5,'grad_norm',1.05057599544525137602e+00,1795500049182);
INSERT INTO "curve_point" VALUES(3,5,'peak_memory_mib',566.35546875,1795500049182);
INSERT INTO "curve_point" VALUES(3,5,'steps_per_second',3.10503709550693649541e+01,1795500049182);
INSERT INTO "curve_point" VALUES(3,5,'train_loss',1.81403150558471670805e+00,1795500049182);
INSERT INTO "curve_point" VALUES(3,10,'align_loss',1.5396314859390258789e-01,1795500049394);
INSERT INTO "curve_point" VALUES(3,10,'generation_loss',1.44362621307373051315e+00,1795500049394);
INSERT INTO "curve_point" VALUES(3,10,'grad_norm',6.54053032398223876953e-01,1795500049394);
INSERT INTO "curve_point" VALUES(3,10,'held_out_loss',1.67102390809975620555e+00,1795500049607);
INSERT INTO "curve_point" VALUES(3,10,'peak_memory_mib',566.80859375,1795500049394);
INSERT INTO "curve_point" VALUES(3,10,'steps_per_second',2.98126491737354619715e+01,1795500049394);
INSERT INTO "curve_point" VALUES(3,10,'train_loss',1.52060780525207528413e+00,1795500049394);
INSERT INTO "curve_point" VALUES(3,15,'align_loss',8.37849736213684137542e-02,1795500049924);
INSERT INTO "curve_point" VALUES(3,15,'generation_loss',1.35288226604461669921e+00,1795500049924);
INSERT INTO "curve_point" VALUES(3,15,'grad_norm',7.15888959169387772973e-01,1795500049924);
INSERT INTO "curve_point" VALUES(3,15,'peak_memory_mib',577.3515625,1795500049924);
INSERT INTO "curve_point" VALUES(3,15,'steps_per_second',27.1244328201984,1795500049924);
INSERT INTO "curve_point" VALUES(3,15,'train_loss',1.39477477073669442475e+00,1795500049924);
INSERT INTO "curve_point" VALUES(3,20,'align_loss',6.31701231002807644943e-02,1795500050066);
INSERT INTO "curve_point" VALUES(3,20,'generation_loss',1.16896722316741952241e+00,1795500050066);
INSERT INTO "curve_point" VALUES(3,20,'grad_norm',8.66769862174987748559e-01,1795500050066);
INSERT INTO "curve_point" VALUES(3,20,'peak_memory_mib',577.3515625,1795500050066);
INSERT INTO "curve_point" VALUES(3,20,'steps_per_second',30.7002174361093,1795500050066);
INSERT INTO "curve_point" VALUES(3,20,'train_loss',1.20055229663848872512e+00,1795500050066);
INSERT INTO "curve_point" VALUES(4,5,'align_loss',4.81867730617523193359e-01,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'generation_loss',1.57405970096588143647e+00,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'grad_norm',1.02450466156005859375e+00,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'peak_memory_mib',575.01953125,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'realised_gap',3.30258482694625876696e-01,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'steps_per_second',2.19974908694067821106e+01,1795500050963);
INSERT INTO "curve_point" VALUES(4,5,'train_loss',1.81499359607696542084e+00,1795500050963);
INSERT INTO "curve_point" VALUES(4,10,'align_loss',1.53370702266693109683e-01,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'generation_loss',1.43510165214538565336e+00,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'grad_norm',6.2484257221221928269e-01,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'held_out_loss',1.6702859607579647605e+00,1795500051214);
INSERT INTO "curve_point" VALUES(4,10,'peak_memory_mib',575.84765625,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'realised_gap',3.98932248353958129882e-01,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'steps_per_second',2.62884972400888337071e+01,1795500051146);
INSERT INTO "curve_point" VALUES(4,10,'train_loss',1.51178698539733891159e+00,1795500051146);
INSERT INTO "curve_point" VALUES(4,15,'align_loss',0.0832201361656189,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'generation_loss',1.34722740650177,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'grad_norm',7.38158559799194313733e-01,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'peak_memory_mib',585.80859375,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'realised_gap',3.00469768047332774774e-01,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'steps_per_second',26.4923413149083,1795500051478);
INSERT INTO "curve_point" VALUES(4,15,'train_loss',1.38883748054504385649e+00,1795500051478);
INSERT INTO "curve_point" VALUES(4,20,'align_loss',6.29494428634643499176e-02,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'generation_loss',1.15190370082855220168e+00,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'grad_norm',7.90789091587066672595e-01,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'peak_memory_mib',585.80859375,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'realised_gap',3.25093564391136180535e-01,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'steps_per_second',2.6590517062951363413e+01,1795500051690);
INSERT INTO "curve_point" VALUES(4,20,'train_loss',1.18337841033935542434e+00,1795500051690);
CREATE TABLE evaluation (
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	evaluation_fingerprint TEXT NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	value DOUBLE NOT NULL, 
	time_ms BIGINT NOT NULL, 
	CONSTRAINT pk_evaluation PRIMARY KEY (trial_id, step, evaluation_fingerprint, attempt_id, metric), 
	CONSTRAINT fk_evaluation_attempt_id_attempt FOREIGN KEY(attempt_id) REFERENCES attempt (id), 
	CONSTRAINT fk_evaluation_trial_id_trial FOREIGN KEY(trial_id) REFERENCES trial (id)
)
 WITHOUT ROWID

;
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'align_loss',6.29494428634643499176e-02,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'class_accuracy',0.0,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'fd_digits',3.57999315399970683424e+01,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'held_out_loss',1.59337171804274024822e+00,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'peak_memory_mib',588.359375,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'steps_per_second',2.6590517062951363413e+01,1795500051876);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',4,'train_loss',1.18337841033935542434e+00,1795500051876);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'align_loss',9.77987051010131835937e-02,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'class_accuracy',0.0,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'fd_digits',3.52974453617033674386e+01,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'held_out_loss',1.59134956721143794311e+00,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'peak_memory_mib',570.57421875,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'steps_per_second',4.63435788689242329514e+01,1795500048798);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',1,'train_loss',1.33664817810058589309e+00,1795500048798);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'align_loss',9.78603959083557128906e-02,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'class_accuracy',0.0,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'fd_digits',3.53131786671753147279e+01,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'held_out_loss',1.591610114222449468e+00,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'peak_memory_mib',562.6640625,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'steps_per_second',5.13835559395036938195e+01,1795500052459);
INSERT INTO "evaluation" VALUES(3,20,'7def0c16fd24621e',2,'train_loss',1.26449623107910147368e+00,1795500052459);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'align_loss',6.31701231002807644943e-02,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'class_accuracy',0.0,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'fd_digits',3.58518825759737325142e+01,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'held_out_loss',1.59478776767061281027e+00,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'peak_memory_mib',578.48828125,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'steps_per_second',30.7002174361093,1795500050338);
INSERT INTO "evaluation" VALUES(4,20,'7def0c16fd24621e',3,'train_loss',1.20055229663848872512e+00,1795500050338);
CREATE TABLE evaluation_detail (
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	evaluation_fingerprint TEXT NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	details JSON NOT NULL, 
	time_ms BIGINT NOT NULL, 
	CONSTRAINT pk_evaluation_detail PRIMARY KEY (trial_id, step, evaluation_fingerprint, attempt_id), 
	CONSTRAINT fk_evaluation_detail_attempt_id_attempt FOREIGN KEY(attempt_id) REFERENCES attempt (id), 
	CONSTRAINT fk_evaluation_detail_trial_id_trial FOREIGN KEY(trial_id) REFERENCES trial (id)
);
INSERT INTO "evaluation_detail" VALUES(2,20,'7def0c16fd24621e',1,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795500048798);
INSERT INTO "evaluation_detail" VALUES(4,20,'7def0c16fd24621e',3,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795500050338);
INSERT INTO "evaluation_detail" VALUES(1,20,'7def0c16fd24621e',4,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795500051876);
INSERT INTO "evaluation_detail" VALUES(3,20,'7def0c16fd24621e',2,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795500052459);
CREATE TABLE mirror_lease (
	id INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_mirror_lease PRIMARY KEY (id), 
	CONSTRAINT ck_mirror_lease_one_row CHECK (id = 1)
);
INSERT INTO "mirror_lease" VALUES(1,'','1970-01-01 00:00:00.000000');
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	payload JSON NOT NULL, 
	created DATETIME NOT NULL
);
INSERT INTO "outbox" VALUES(51,'points','{"fingerprint": "x", "step": 1, "metrics": {"train_loss": 1.5}, "time_ms": 1}','2026-11-24 06:00:00.000000');
CREATE TABLE sweep (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	profile TEXT NOT NULL, 
	CONSTRAINT pk_sweep PRIMARY KEY (id), 
	CONSTRAINT uq_sweep_name_profile UNIQUE (name, profile)
);
INSERT INTO "sweep" VALUES(1,'tiny','default');
CREATE TABLE sweep_trial (
	sweep_version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	variant TEXT NOT NULL, 
	levels JSON NOT NULL, 
	seed BIGINT NOT NULL, 
	steps INTEGER NOT NULL, 
	evaluation_fingerprint TEXT NOT NULL, 
	CONSTRAINT pk_sweep_trial PRIMARY KEY (sweep_version_id, position), 
	CONSTRAINT fk_sweep_trial_sweep_version_id_sweep_version FOREIGN KEY(sweep_version_id) REFERENCES sweep_version (id), 
	CONSTRAINT fk_sweep_trial_trial_id_trial FOREIGN KEY(trial_id) REFERENCES trial (id)
);
INSERT INTO "sweep_trial" VALUES(1,0,2,'single','{"timesteps": "single"}',0,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(1,1,3,'dual','{"timesteps": "dual"}',0,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(1,2,4,'single','{"timesteps": "single"}',1,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(1,3,1,'dual','{"timesteps": "dual"}',1,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(2,0,6,'single','{"timesteps": "single"}',0,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(2,1,7,'dual','{"timesteps": "dual"}',0,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(2,2,5,'single','{"timesteps": "single"}',1,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(2,3,8,'dual','{"timesteps": "dual"}',1,20,'7def0c16fd24621e');
CREATE TABLE sweep_version (
	id INTEGER NOT NULL, 
	sweep_id INTEGER NOT NULL, 
	hash TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created DATETIME NOT NULL, 
	last_run DATETIME NOT NULL, 
	CONSTRAINT pk_sweep_version PRIMARY KEY (id), 
	CONSTRAINT fk_sweep_version_sweep_id_sweep FOREIGN KEY(sweep_id) REFERENCES sweep (id), 
	CONSTRAINT uq_sweep_version_sweep_id_hash UNIQUE (sweep_id, hash)
);
INSERT INTO "sweep_version" VALUES(1,1,'ccb227a9fd7c','{"question": "Does the machinery work? (Two variants, far too small to show anything.)", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"kind": "factorial", "factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}}, "seeds": [0, 1], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "expected": null}], "sequential": null, "resources": {"cpus": 1.0, "gpus": 0.0}, "report": null}','2026-11-24 05:59:56.349783','2026-11-24 05:59:56.349783');
INSERT INTO "sweep_version" VALUES(2,1,'18760dddd72d','{"question": "Does the machinery work? (Two variants, far too small to show anything.)", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}, "optimizer": {"learning_rate": 1e+30}}, "design": {"kind": "factorial", "factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}}, "seeds": [0, 1], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "expected": null}], "sequential": null, "resources": {"cpus": 1.0, "gpus": 0.0}, "report": null}','2026-11-24 06:01:05.570453','2026-11-24 06:01:05.570453');
CREATE TABLE sweeper_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweeper_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sweeper_schema" VALUES('0001');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	config JSON NOT NULL, 
	CONSTRAINT pk_trial PRIMARY KEY (id), 
	CONSTRAINT uq_trial_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "trial" VALUES(1,'37b57dfe7900a6f1','{"seed": 1, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(2,'64d86cb0668f45d4','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(3,'acecfc4cf0143cf3','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(4,'c6ce9a83491035d0','{"seed": 1, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(5,'19d93e82951a3721','{"seed": 1, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 1e+30, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(6,'319e151825b26257','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 1e+30, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(7,'b242266ece1bb419','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 1e+30, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(8,'bf52610583247a64','{"seed": 1, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 1e+30, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 5, "held_out_every": 10, "checkpoint_every": 10, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
CREATE INDEX ix_sweep_trial_trial_id ON sweep_trial (trial_id);
CREATE UNIQUE INDEX uq_attempt_running ON attempt (trial_id) WHERE state = 'running';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',51);
INSERT INTO "sqlite_sequence" VALUES('attempt',9);
COMMIT;
