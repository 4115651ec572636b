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
INSERT INTO "attempt" VALUES(1,1,1,'finished','machine/391ab736/4026531836:29007:4159103',120.0,'2026-11-24 17:04:28.839201',0,'2026-11-24 17:02:28.640222','2026-11-24 17:02:28.839201',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "85e5464b235750ab141067c02082d2604fa53b63", "git_dirty": false, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29223, "checkpoints_passed_over": []}',NULL,NULL,NULL);
INSERT INTO "attempt" VALUES(2,2,1,'finished','machine/391ab736/4026531836:29007:4159103',120.0,'2026-11-24 17:04:29.853686',0,'2026-11-24 17:02:29.630370','2026-11-24 17:02:29.853686',0,20,20,'{"device": "cpu (AMD EPYC)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "1415ba62686caf5c"}','{"git_commit": "85e5464b235750ab141067c02082d2604fa53b63", "git_dirty": false, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 29258, "checkpoints_passed_over": []}',NULL,NULL,NULL);
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
INSERT INTO "curve_point" VALUES(1,10,'align_loss',5.39774191379547074731e-01,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'attention_logit_max',1.74835515022277832031e+00,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'generation_loss',1.54038589000701908737e+00,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'grad_norm',9.60413199663162187036e-01,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss',1.66855036913518461894e+00,1795539748725);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss_by_t/0.25',1.67467513655553612572e+00,1795539748725);
INSERT INTO "curve_point" VALUES(1,10,'held_out_loss_by_t/0.75',1.66242560171483289011e+00,1795539748725);
INSERT INTO "curve_point" VALUES(1,10,'loss_spikes',0.0,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'peak_memory_mib',571.859375,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'step_seconds',4.75823211147346439992e-03,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'steps_per_second',2.10162088896149640499e+02,1795539748704);
INSERT INTO "curve_point" VALUES(1,10,'train_loss',1.81027300357818599074e+00,1795539748704);
INSERT INTO "curve_point" VALUES(1,20,'align_loss',1.20610195398330691252e-01,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'attention_logit_max',2.6935558319091796875e+00,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'generation_loss',1.31798539161682137788e+00,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'grad_norm',9.08347916603088334497e-01,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'held_out_loss_by_t/0.25',1.60863356736377083322e+00,1795539748825);
INSERT INTO "curve_point" VALUES(1,20,'held_out_loss_by_t/0.75',1.57406573707346786328e+00,1795539748825);
INSERT INTO "curve_point" VALUES(1,20,'loss_spikes',0.0,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'peak_memory_mib',576.078125,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'step_seconds',4.73842639985377900302e-03,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'steps_per_second',2.10623510658941910374e+02,1795539748781);
INSERT INTO "curve_point" VALUES(1,20,'train_loss',1.37829048633575435012e+00,1795539748781);
INSERT INTO "curve_point" VALUES(2,10,'align_loss',5.44184851646423384252e-01,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'attention_logit_max',1.65437304973602294921e+00,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'generation_loss',1.5405498385429381436e+00,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'grad_norm',9.65811258554458595959e-01,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss',1.66847836805253302294e+00,1795539749726);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss_by_t/0.25',1.67490703614641356367e+00,1795539749726);
INSERT INTO "curve_point" VALUES(2,10,'held_out_loss_by_t/0.75',1.66204969995865248222e+00,1795539749726);
INSERT INTO "curve_point" VALUES(2,10,'loss_spikes',0.0,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'peak_memory_mib',541.8671875,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'realised_gap',3.234373047947883828e-01,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'step_seconds',5.91575944417854771018e-03,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'steps_per_second',1.69040003981916186147e+02,1795539749702);
INSERT INTO "curve_point" VALUES(2,10,'train_loss',1.81264227628707885742e+00,1795539749702);
INSERT INTO "curve_point" VALUES(2,20,'align_loss',1.20669239759445184878e-01,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'attention_logit_max',2.77020621299743652343e+00,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'generation_loss',1.29215716123580937058e+00,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'grad_norm',8.32685536146163918225e-01,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'held_out_loss_by_t/0.25',1.60895268432277149805e+00,1795539749841);
INSERT INTO "curve_point" VALUES(2,20,'held_out_loss_by_t/0.75',1.57426754412212743794e+00,1795539749841);
INSERT INTO "curve_point" VALUES(2,20,'loss_spikes',0.0,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'peak_memory_mib',550.40625,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'realised_gap',3.15176545083522774426e-01,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'step_seconds',6.09468589973403106208e-03,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'steps_per_second',1.66391254118737322189e+02,1795539749797);
INSERT INTO "curve_point" VALUES(2,20,'train_loss',1.35249177217483529389e+00,1795539749797);
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
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'align_loss',1.20610195398330691252e-01,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'class_accuracy',0.0,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'fd_digits',3.52974456004786247827e+01,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'held_out_loss',1.59134965221861945927e+00,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'peak_memory_mib',576.5625,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'steps_per_second',2.10623510658941910374e+02,1795539748830);
INSERT INTO "evaluation" VALUES(1,20,'7def0c16fd24621e',1,'train_loss',1.37829048633575435012e+00,1795539748830);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'align_loss',1.20669239759445184878e-01,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'class_accuracy',0.0,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'fd_digits',3.53131785403944746808e+01,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'held_out_loss',1.591610114222449468e+00,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'peak_memory_mib',561.421875,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'steps_per_second',1.66391254118737322189e+02,1795539749846);
INSERT INTO "evaluation" VALUES(2,20,'7def0c16fd24621e',2,'train_loss',1.35249177217483529389e+00,1795539749846);
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
INSERT INTO "evaluation_detail" VALUES(1,20,'7def0c16fd24621e',1,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795539748830);
INSERT INTO "evaluation_detail" VALUES(2,20,'7def0c16fd24621e',2,'{"samples": 20, "fd_floor": 0.5594296030320578, "fd_floor_n": 359, "fd_reference_n": 1438, "fd_features": 64, "classifier_accuracy": 0.9888579387186629, "held_out_images": 359, "fd_note": "20 images in 64 features have a singular covariance"}',1795539749846);
CREATE TABLE mirror_lease (
	id INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	until DATETIME NOT NULL, mark TEXT, 
	CONSTRAINT pk_mirror_lease PRIMARY KEY (id), 
	CONSTRAINT ck_mirror_lease_one_row CHECK (id = 1)
);
INSERT INTO "mirror_lease" VALUES(1,'','1970-01-01 00:00:00.000000','c8ca0dfd:6');
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	payload JSON NOT NULL, 
	created DATETIME NOT NULL
);
INSERT INTO "outbox" VALUES(18,'pages','{"name": "tiny", "profile": "default"}','2026-11-24 14:09:02.113344');
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
INSERT INTO "sweep_trial" VALUES(1,0,1,'single','{"timesteps": "single"}',0,20,'7def0c16fd24621e');
INSERT INTO "sweep_trial" VALUES(1,1,2,'dual','{"timesteps": "dual"}',0,20,'7def0c16fd24621e');
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
INSERT INTO "sweep_version" VALUES(1,1,'d71d6098bb95','{"question": "Is what an older version wrote still there?", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 10, "held_out_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}, "where": [], "unless": [], "kind": "factorial"}, "seeds": [0], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "expected": null}], "sequential": null, "resources": {"cpus": 1.0, "gpus": 0.0, "processes": 1}, "report": null}','2026-11-24 17:02:16.397705','2026-11-24 17:02:16.397705','sweeper run tiny.yaml');
CREATE TABLE sweeper_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweeper_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sweeper_schema" VALUES('0004');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	config JSON NOT NULL, 
	CONSTRAINT pk_trial PRIMARY KEY (id), 
	CONSTRAINT uq_trial_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "trial" VALUES(1,'64d86cb0668f45d4','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
INSERT INTO "trial" VALUES(2,'acecfc4cf0143cf3','{"seed": 0, "data": {"kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "extra_metrics": [], "every": null}}');
CREATE INDEX ix_sweep_trial_trial_id ON sweep_trial (trial_id);
CREATE UNIQUE INDEX uq_attempt_running ON attempt (trial_id) WHERE state = 'running';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',18);
INSERT INTO "sqlite_sequence" VALUES('attempt',2);
COMMIT;
