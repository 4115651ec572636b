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
	error TEXT, failure VARCHAR(16), policy TEXT, 
	CONSTRAINT fk_attempt_trial_id_trial FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT uq_attempt_trial_id_number UNIQUE (trial_id, number)
);
INSERT INTO "attempt" VALUES(1,2,1,'finished','machine/391ab736/4026531836:19991:4390388',120.0,'2026-11-28 11:42:44.118640',0,'2026-11-28 11:40:41.943867','2026-11-28 11:40:44.118640',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21449, "checkpoints_passed_over": []}',NULL,NULL,NULL);
INSERT INTO "attempt" VALUES(2,1,1,'finished','machine/391ab736/4026531836:19991:4390388',120.0,'2026-11-28 11:42:44.435723',0,'2026-11-28 11:40:41.962691','2026-11-28 11:40:44.435723',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21448, "checkpoints_passed_over": []}',NULL,NULL,NULL);
INSERT INTO "attempt" VALUES(3,3,1,'finished','machine/391ab736/4026531836:21695:4399350',120.0,'2026-11-28 11:43:44.620011',0,'2026-11-28 11:41:42.738253','2026-11-28 11:41:44.620011',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21936, "checkpoints_passed_over": []}',NULL,NULL,NULL);
INSERT INTO "attempt" VALUES(4,4,1,'finished','machine/391ab736/4026531836:21695:4399350',120.0,'2026-11-28 11:43:44.722048',0,'2026-11-28 11:41:43.235241','2026-11-28 11:41:44.722048',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21935, "checkpoints_passed_over": []}',NULL,NULL,NULL);
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
INSERT INTO "curve_point" VALUES(1,10,'align_loss',4.29131031036376953125e-01,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'attention_logit_max',1.88874423503875732421e+00,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'generation_loss',1.53876442909240718215e+00,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'grad_norm',8.98093217611312888415e-01,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss',1.66878949433648160471e+00,1795866043008);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss_by_t/0.25',1.66583915009139982288e+00,1795866043008);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss_by_t/0.75',1.67173983858156338655e+00,1795866043008);
INSERT INTO "curve_point" VALUES(1,10,'loss_spikes',0.0,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'peak_memory_mib',510.0390625,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'step_seconds',7.14647332222537179369e-02,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'steps_per_second',1.39929158748836623971e+01,1795866042739);
INSERT INTO "curve_point" VALUES(1,10,'train_loss',1.75332992076873783737e+00,1795866042739);
INSERT INTO "curve_point" VALUES(1,20,'align_loss',8.58502268791198758224e-02,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'attention_logit_max',3.15931844711303710937e+00,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'generation_loss',1.18518630266189584077e+00,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'grad_norm',8.49431818723678566662e-01,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'held_out_loss_by_t/0.25',1.59574698870560593988e+00,1795866044067);
INSERT INTO "curve_point" VALUES(1,20,'held_out_loss_by_t/0.75',1.5795352691395370126e+00,1795866044067);
INSERT INTO "curve_point" VALUES(1,20,'loss_spikes',0.0,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'peak_memory_mib',510.06640625,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'step_seconds',8.01515571016352679212e-02,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'steps_per_second',1.31515360054627947759e+01,1795866043874);
INSERT INTO "curve_point" VALUES(1,20,'train_loss',1.22811142206192025483e+00,1795866043874);
INSERT INTO "curve_point" VALUES(2,10,'align_loss',4.27801793813705422131e-01,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'attention_logit_max',2.03258609771728515625e+00,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'generation_loss',1.54310619831085205078e+00,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'grad_norm',8.72485882043838478772e-01,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss',1.66831532427859507983e+00,1795866043350);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss_by_t/0.25',1.662892461155118351e+00,1795866043350);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss_by_t/0.75',1.67373818740207180866e+00,1795866043350);
INSERT INTO "curve_point" VALUES(2,10,'loss_spikes',0.0,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'peak_memory_mib',416.62890625,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'realised_gap',3.42983326315879799572e-01,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'step_seconds',1.01153931000832628117e-01,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'steps_per_second',9.88592326670694276913e+00,1795866043052);
INSERT INTO "curve_point" VALUES(2,10,'train_loss',1.75700708627700796782e+00,1795866043052);
INSERT INTO "curve_point" VALUES(2,20,'align_loss',8.85107457637786809723e-02,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'attention_logit_max',3.30594086647033691406e+00,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'generation_loss',1.2113392949104309082e+00,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'grad_norm',6.83723711967468283923e-01,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'held_out_loss_by_t/0.25',1.59021591144019835972e+00,1795866044389);
INSERT INTO "curve_point" VALUES(2,20,'held_out_loss_by_t/0.75',1.58678213135445678183e+00,1795866044389);
INSERT INTO "curve_point" VALUES(2,20,'loss_spikes',0.0,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'peak_memory_mib',424.1875,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'realised_gap',3.06388181447982799188e-01,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'step_seconds',7.1001986499322808366e-02,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'steps_per_second',1.17254619301833962197e+01,1795866044100);
INSERT INTO "curve_point" VALUES(2,20,'train_loss',1.25559465885162357956e+00,1795866044100);
INSERT INTO "curve_point" VALUES(3,10,'align_loss',3.89429825544357288702e-01,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'attention_logit_max',2.9105091094970703125e+00,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'generation_loss',1.51432501077651981979e+00,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'grad_norm',0.863475227355957,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'held_out_loss',1.67463152787147451228e+00,1795866103747);
INSERT INTO "curve_point" VALUES(3,10,'held_out_loss_by_t/0.25',1.67386552815981892727e+00,1795866103747);
INSERT INTO "curve_point" VALUES(3,10,'held_out_loss_by_t/0.75',1.67539752758313031932e+00,1795866103747);
INSERT INTO "curve_point" VALUES(3,10,'loss_spikes',0.0,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'peak_memory_mib',416.20703125,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'realised_gap',3.19246289134025584832e-01,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'step_seconds',7.35368148889392614364e-02,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'steps_per_second',1.35986308559906223793e+01,1795866103553);
INSERT INTO "curve_point" VALUES(3,10,'train_loss',1.70903991460800175339e+00,1795866103553);
INSERT INTO "curve_point" VALUES(3,20,'align_loss',9.92747843265533447265e-02,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'attention_logit_max',2.2527313232421875e+00,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'generation_loss',1.26075927019119271577e+00,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'grad_norm',6.5046055614948272705e-01,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'held_out_loss_by_t/0.25',1.61377463168088430833e+00,1795866104530);
INSERT INTO "curve_point" VALUES(3,20,'held_out_loss_by_t/0.75',1.58389919780423049644e+00,1795866104530);
INSERT INTO "curve_point" VALUES(3,20,'loss_spikes',0.0,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'peak_memory_mib',424.37109375,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'realised_gap',3.13016843795776378289e-01,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'step_seconds',3.90471981998416622916e-02,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'steps_per_second',1.80556306448248449214e+01,1795866104237);
INSERT INTO "curve_point" VALUES(3,20,'train_loss',1.31039668321609492629e+00,1795866104237);
INSERT INTO "curve_point" VALUES(4,10,'align_loss',0.389268159866333,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'attention_logit_max',3.00542712211608886718e+00,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'generation_loss',1.51933528184890742629e+00,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'grad_norm',0.844793576002121,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'held_out_loss',1.67523176357938718972e+00,1795866103943);
INSERT INTO "curve_point" VALUES(4,10,'held_out_loss_by_t/0.25',1.67319142121126396283e+00,1795866103943);
INSERT INTO "curve_point" VALUES(4,10,'held_out_loss_by_t/0.75',1.67727210594751041661e+00,1795866103943);
INSERT INTO "curve_point" VALUES(4,10,'loss_spikes',0.0,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'peak_memory_mib',415.53515625,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'step_seconds',4.97060594457757881636e-02,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'steps_per_second',2.01182715175983197744e+01,1795866103815);
INSERT INTO "curve_point" VALUES(4,10,'train_loss',1.71396938562393197358e+00,1795866103815);
INSERT INTO "curve_point" VALUES(4,20,'align_loss',9.63418006896972628494e-02,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'attention_logit_max',2.9471569061279296875e+00,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'generation_loss',1.2698691129684447354e+00,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'grad_norm',6.73224592208862326891e-01,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'held_out_loss_by_t/0.25',1.60974750146892420232e+00,1795866104687);
INSERT INTO "curve_point" VALUES(4,20,'held_out_loss_by_t/0.75',1.59431886805797362605e+00,1795866104687);
INSERT INTO "curve_point" VALUES(4,20,'loss_spikes',0.0,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'peak_memory_mib',423.66015625,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'step_seconds',0.0453621791988553,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'steps_per_second',2.10882344303689066582e+01,1795866104465);
INSERT INTO "curve_point" VALUES(4,20,'train_loss',1.31804001331329345703e+00,1795866104465);
CREATE TABLE evaluated_weights (
	name TEXT NOT NULL, 
	metrics JSON NOT NULL, 
	protocol JSON NOT NULL, 
	details JSON NOT NULL, 
	measured DATETIME NOT NULL, 
	CONSTRAINT pk_evaluated_weights PRIMARY KEY (name)
);
INSERT INTO "evaluated_weights" VALUES('released','{"fid": 2.27}','{"samples": 50000}','{"floor": 0.1}','2026-11-28 11:42:00.000000');
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
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'align_loss',8.85107457637786809723e-02,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'class_accuracy',0.2,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'fd_digits',3.06780578900243980919e+01,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'held_out_loss',1.58849902139732757078e+00,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'peak_memory_mib',438.6328125,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'steps_per_second',1.17254619301833962197e+01,1795866044398);
INSERT INTO "evaluation" VALUES(1,20,'872101a85343c688',2,'train_loss',1.25559465885162357956e+00,1795866044398);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'align_loss',8.58502268791198758224e-02,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'class_accuracy',0.2,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'fd_digits',3.06662622263488202642e+01,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'held_out_loss',1.58764112892257136522e+00,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'peak_memory_mib',510.3046875,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'steps_per_second',1.31515360054627947759e+01,1795866044091);
INSERT INTO "evaluation" VALUES(2,20,'872101a85343c688',1,'train_loss',1.22811142206192025483e+00,1795866044091);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'align_loss',9.92747843265533447265e-02,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'class_accuracy',0.2,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'fd_digits',3.10938050538212742415e+01,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'held_out_loss',1.59883691474255740239e+00,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'peak_memory_mib',435.9765625,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'steps_per_second',1.80556306448248449214e+01,1795866104558);
INSERT INTO "evaluation" VALUES(3,20,'872101a85343c688',3,'train_loss',1.31039668321609492629e+00,1795866104558);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'align_loss',9.63418006896972628494e-02,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'class_accuracy',0.2,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'fd_digits',3.11569933378389904996e+01,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'held_out_loss',1.60203318476344880316e+00,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'peak_memory_mib',433.59375,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'steps_per_second',2.10882344303689066582e+01,1795866104709);
INSERT INTO "evaluation" VALUES(4,20,'872101a85343c688',4,'train_loss',1.31804001331329345703e+00,1795866104709);
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
INSERT INTO "evaluation_detail" VALUES(2,20,'872101a85343c688',1,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795866044091);
INSERT INTO "evaluation_detail" VALUES(1,20,'872101a85343c688',2,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795866044398);
INSERT INTO "evaluation_detail" VALUES(3,20,'872101a85343c688',3,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795866104558);
INSERT INTO "evaluation_detail" VALUES(4,20,'872101a85343c688',4,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795866104709);
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	payload JSON NOT NULL, 
	created DATETIME NOT NULL
, tracker TEXT DEFAULT 'mlflow' NOT NULL);
INSERT INTO "outbox" VALUES(18,'sweep','{"name": "tiny", "profile": "default", "version": "2d9e83aa3586", "question": "Is what an older version wrote still there?", "spec": {"question": "Is what an older version wrote still there?", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 10, "held_out_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}, "where": [], "unless": [], "kind": "factorial"}, "seeds": [0, 1], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null, "planning_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "metric": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "smallest_effect": null, "expected": null}], "sequential": null, "analysis": null, "resources": {"cpus": 1.0, "gpus": "auto", "processes": 1}, "keep": "resumable", "report": null}}','2026-11-28 11:41:15.674809','mlflow');
INSERT INTO "outbox" VALUES(19,'link','{"name": "tiny", "profile": "default", "fingerprint": "8062869772932c78", "variant": "single", "levels": {"timesteps": "single"}, "seed": 1, "config": {"seed": 1, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}}','2026-11-28 11:41:15.674809','mlflow');
INSERT INTO "outbox" VALUES(20,'link','{"name": "tiny", "profile": "default", "fingerprint": "5b970ba7d62691dc", "variant": "dual", "levels": {"timesteps": "dual"}, "seed": 1, "config": {"seed": 1, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}}','2026-11-28 11:41:15.674809','mlflow');
INSERT INTO "outbox" VALUES(21,'attempt','{"fingerprint": "5b970ba7d62691dc", "attempt": 1, "state": "running", "error": null, "provenance": {"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21936, "checkpoints_passed_over": []}, "comparability": {"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}, "time_ms": 1795866102738}','2026-11-28 11:41:42.738253','mlflow');
INSERT INTO "outbox" VALUES(22,'attempt','{"fingerprint": "8062869772932c78", "attempt": 1, "state": "running", "error": null, "provenance": {"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21935, "checkpoints_passed_over": []}, "comparability": {"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}, "time_ms": 1795866103235}','2026-11-28 11:41:43.235241','mlflow');
INSERT INTO "outbox" VALUES(23,'points','{"fingerprint": "5b970ba7d62691dc", "step": 10, "metrics": {"train_loss": 1.7090399146080018, "generation_loss": 1.5143250107765198, "grad_norm": 0.863475227355957, "align_loss": 0.3894298255443573, "realised_gap": 0.3192462891340256, "loss_spikes": 0.0, "attention_logit_max": 2.9105091094970703, "steps_per_second": 13.598630855990622, "peak_memory_mib": 416.20703125, "step_seconds": 0.07353681488893926}, "time_ms": 1795866103553}','2026-11-28 11:41:43.576587','mlflow');
INSERT INTO "outbox" VALUES(24,'points','{"fingerprint": "5b970ba7d62691dc", "step": 10, "metrics": {"held_out_loss": 1.6746315278714745, "held_out_loss_by_t/0.25": 1.673865528159819, "held_out_loss_by_t/0.75": 1.6753975275831303}, "time_ms": 1795866103747}','2026-11-28 11:41:43.756770','mlflow');
INSERT INTO "outbox" VALUES(25,'points','{"fingerprint": "8062869772932c78", "step": 10, "metrics": {"train_loss": 1.713969385623932, "generation_loss": 1.5193352818489074, "grad_norm": 0.844793576002121, "align_loss": 0.389268159866333, "loss_spikes": 0.0, "attention_logit_max": 3.005427122116089, "steps_per_second": 20.11827151759832, "peak_memory_mib": 415.53515625, "step_seconds": 0.04970605944577579}, "time_ms": 1795866103815}','2026-11-28 11:41:43.819717','mlflow');
INSERT INTO "outbox" VALUES(26,'points','{"fingerprint": "8062869772932c78", "step": 10, "metrics": {"held_out_loss": 1.6752317635793872, "held_out_loss_by_t/0.25": 1.673191421211264, "held_out_loss_by_t/0.75": 1.6772721059475104}, "time_ms": 1795866103943}','2026-11-28 11:41:43.944478','mlflow');
INSERT INTO "outbox" VALUES(27,'points','{"fingerprint": "5b970ba7d62691dc", "step": 20, "metrics": {"train_loss": 1.310396683216095, "generation_loss": 1.2607592701911927, "grad_norm": 0.6504605561494827, "align_loss": 0.09927478432655334, "realised_gap": 0.3130168437957764, "loss_spikes": 0.0, "attention_logit_max": 2.2527313232421875, "steps_per_second": 18.055630644824845, "peak_memory_mib": 424.37109375, "step_seconds": 0.03904719819984166}, "time_ms": 1795866104237}','2026-11-28 11:41:44.244101','mlflow');
INSERT INTO "outbox" VALUES(28,'points','{"fingerprint": "8062869772932c78", "step": 20, "metrics": {"train_loss": 1.3180400133132935, "generation_loss": 1.2698691129684447, "grad_norm": 0.6732245922088623, "align_loss": 0.09634180068969726, "loss_spikes": 0.0, "attention_logit_max": 2.9471569061279297, "steps_per_second": 21.088234430368907, "peak_memory_mib": 423.66015625, "step_seconds": 0.0453621791988553}, "time_ms": 1795866104465}','2026-11-28 11:41:44.466528','mlflow');
INSERT INTO "outbox" VALUES(29,'points','{"fingerprint": "5b970ba7d62691dc", "step": 20, "metrics": {"held_out_loss_by_t/0.25": 1.6137746316808843, "held_out_loss_by_t/0.75": 1.5838991978042305}, "time_ms": 1795866104530}','2026-11-28 11:41:44.534558','mlflow');
INSERT INTO "outbox" VALUES(30,'evaluation','{"fingerprint": "5b970ba7d62691dc", "step": 20, "metrics": {"fd_digits": 31.093805053821274, "held_out_loss": 1.5988369147425574, "class_accuracy": 0.2, "train_loss": 1.310396683216095, "align_loss": 0.09927478432655334, "steps_per_second": 18.055630644824845, "peak_memory_mib": 435.9765625}, "details": {"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}, "time_ms": 1795866104558, "evaluation": "872101a85343c688", "attempt": 1}','2026-11-28 11:41:44.617423','mlflow');
INSERT INTO "outbox" VALUES(31,'attempt','{"fingerprint": "5b970ba7d62691dc", "attempt": 1, "state": "finished", "error": null, "provenance": {"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21936, "checkpoints_passed_over": []}, "comparability": {"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}, "time_ms": 1795866104620}','2026-11-28 11:41:44.620011','mlflow');
INSERT INTO "outbox" VALUES(32,'points','{"fingerprint": "8062869772932c78", "step": 20, "metrics": {"held_out_loss_by_t/0.25": 1.6097475014689242, "held_out_loss_by_t/0.75": 1.5943188680579736}, "time_ms": 1795866104687}','2026-11-28 11:41:44.694325','mlflow');
INSERT INTO "outbox" VALUES(33,'evaluation','{"fingerprint": "8062869772932c78", "step": 20, "metrics": {"fd_digits": 31.15699333783899, "held_out_loss": 1.6020331847634488, "class_accuracy": 0.2, "train_loss": 1.3180400133132935, "align_loss": 0.09634180068969726, "steps_per_second": 21.088234430368907, "peak_memory_mib": 433.59375}, "details": {"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}, "time_ms": 1795866104709, "evaluation": "872101a85343c688", "attempt": 1}','2026-11-28 11:41:44.720477','mlflow');
INSERT INTO "outbox" VALUES(34,'attempt','{"fingerprint": "8062869772932c78", "attempt": 1, "state": "finished", "error": null, "provenance": {"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 21935, "checkpoints_passed_over": []}, "comparability": {"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}, "time_ms": 1795866104722}','2026-11-28 11:41:44.722048','mlflow');
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
INSERT INTO "sweep_trial" VALUES(1,0,2,'single','{"timesteps": "single"}',0,20,'872101a85343c688');
INSERT INTO "sweep_trial" VALUES(1,1,1,'dual','{"timesteps": "dual"}',0,20,'872101a85343c688');
INSERT INTO "sweep_trial" VALUES(2,0,2,'single','{"timesteps": "single"}',0,20,'872101a85343c688');
INSERT INTO "sweep_trial" VALUES(2,1,1,'dual','{"timesteps": "dual"}',0,20,'872101a85343c688');
INSERT INTO "sweep_trial" VALUES(2,2,4,'single','{"timesteps": "single"}',1,20,'872101a85343c688');
INSERT INTO "sweep_trial" VALUES(2,3,3,'dual','{"timesteps": "dual"}',1,20,'872101a85343c688');
CREATE TABLE sweep_version (
	id INTEGER NOT NULL, 
	sweep_id INTEGER NOT NULL, 
	hash TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created DATETIME NOT NULL, 
	last_run DATETIME NOT NULL, command TEXT, 
	CONSTRAINT pk_sweep_version PRIMARY KEY (id), 
	CONSTRAINT fk_sweep_version_sweep_id_sweep FOREIGN KEY(sweep_id) REFERENCES sweep (id), 
	CONSTRAINT uq_sweep_version_sweep_id_hash UNIQUE (sweep_id, hash)
);
INSERT INTO "sweep_version" VALUES(1,1,'27caf9fe495d','{"question": "Is what an older version wrote still there?", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 10, "held_out_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}, "where": [], "unless": [], "kind": "factorial"}, "seeds": [0], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null, "planning_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "metric": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "smallest_effect": null, "expected": null}], "sequential": null, "analysis": null, "resources": {"cpus": 1.0, "gpus": "auto", "processes": 1}, "keep": "resumable", "report": null}','2026-11-28 11:40:04.873166','2026-11-28 11:40:04.873166','sweeper run tiny.yaml');
INSERT INTO "sweep_version" VALUES(2,1,'2d9e83aa3586','{"question": "Is what an older version wrote still there?", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 10, "held_out_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}, "where": [], "unless": [], "kind": "factorial"}, "seeds": [0, 1], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null, "planning_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "metric": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "smallest_effect": null, "expected": null}], "sequential": null, "analysis": null, "resources": {"cpus": 1.0, "gpus": "auto", "processes": 1}, "keep": "resumable", "report": null}','2026-11-28 11:41:15.674809','2026-11-28 11:41:15.674809','sweeper run tiny.yaml');
CREATE TABLE sweeper_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweeper_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sweeper_schema" VALUES('0007');
CREATE TABLE tracker (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	mark TEXT, 
	CONSTRAINT pk_tracker PRIMARY KEY (name)
);
INSERT INTO "tracker" VALUES('mlflow','','1970-01-01 00:00:00.000000','82fca5ac:5');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	config JSON NOT NULL, cancelled DATETIME, 
	CONSTRAINT pk_trial PRIMARY KEY (id), 
	CONSTRAINT uq_trial_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "trial" VALUES(1,'535bd726cdd2d7b7','{"seed": 0, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
INSERT INTO "trial" VALUES(2,'e331134c3a5de75e','{"seed": 0, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
INSERT INTO "trial" VALUES(3,'5b970ba7d62691dc','{"seed": 1, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
INSERT INTO "trial" VALUES(4,'8062869772932c78','{"seed": 1, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
CREATE INDEX ix_sweep_trial_trial_id ON sweep_trial (trial_id);
CREATE UNIQUE INDEX uq_attempt_running ON attempt (trial_id) WHERE state = 'running';
CREATE INDEX ix_evaluation_attempt_id ON evaluation (attempt_id);
CREATE INDEX ix_evaluation_detail_attempt_id ON evaluation_detail (attempt_id);
CREATE INDEX ix_outbox_tracker_id ON outbox (tracker, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',34);
INSERT INTO "sqlite_sequence" VALUES('attempt',4);
COMMIT;
