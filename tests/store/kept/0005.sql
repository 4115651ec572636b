PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE sweeper_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweeper_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO sweeper_schema VALUES('0005');
CREATE TABLE sweep (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	profile TEXT NOT NULL, 
	CONSTRAINT pk_sweep PRIMARY KEY (id), 
	CONSTRAINT uq_sweep_name_profile UNIQUE (name, profile)
);
INSERT INTO sweep VALUES(1,'tiny','default');
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
INSERT INTO sweep_version VALUES(1,1,'d71d6098bb95','{"question": "Is what an older version wrote still there?", "name": "tiny", "base": {"preset": "nano", "backbone": {"layers": 2, "width": 16, "heads": 2}, "alignment": {"student_layer": 1, "teacher": {"layer": 2}}, "batch_size": 16, "steps": 20, "log_every": 10, "held_out_every": 10, "evaluation": {"samples": 20, "sampler": {"steps": 4}, "held_out_levels": 2}}, "design": {"factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}}, "where": [], "unless": [], "kind": "factorial"}, "seeds": [0], "metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": null, "planning_cv": null}, "baseline": null, "contrasts": [{"name": "dual timesteps", "question": null, "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {}, "weights": null, "metric": null, "margin": null, "kind": null, "alpha": null, "relative_to": null, "smallest_effect": null, "expected": null}], "sequential": null, "analysis": null, "resources": {"cpus": 1.0, "gpus": 0.0, "processes": 1}, "keep": "resumable", "report": null}','2026-11-28 11:37:58.475199','2026-11-28 11:37:58.475199','sweeper run tiny.yaml');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	config JSON NOT NULL, cancelled DATETIME, 
	CONSTRAINT pk_trial PRIMARY KEY (id), 
	CONSTRAINT uq_trial_fingerprint UNIQUE (fingerprint)
);
INSERT INTO trial VALUES(1,'535bd726cdd2d7b7','{"seed": 0, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "dual", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
INSERT INTO trial VALUES(2,'e331134c3a5de75e','{"seed": 0, "data": {"train_images": null, "kind": "digits"}, "backbone": {"patch": 2, "layers": 2, "width": 16, "heads": 2, "qk_norm": false}, "process": {"kind": "flow", "path": "linear"}, "partition": {"ratio": 0.25, "assignment": "random", "score": null, "full_image_probability": 0.0}, "timesteps": {"kind": "single", "gap": "independent", "ordering": "none", "distribution": "uniform", "shift": 1.0}, "attention": {"separation": "none"}, "alignment": {"kind": "self", "weight": 0.5, "loss": "cosine", "axis": "width", "head": true, "head_width": 2048, "student_layer": 1, "teacher": {"timesteps": "interval", "interval": {"width": 0.2, "per": "auto", "clamp": "zero"}, "labels": "undropped", "layer": 2, "separated": false}, "encoder": null}, "optimizer": {"learning_rate": 0.008, "betas": [0.9, 0.95], "weight_decay": 0.0, "epsilon": 1e-08, "clip": 1.0}, "batch_size": 16, "accumulation": 1, "compile": "auto", "label_dropout": 0.1, "ema_decay": 0.985, "precision": "auto", "steps": 20, "log_every": 10, "held_out_every": 10, "samples_every": 200, "checkpoint_every": 200, "evaluation": {"samples": 20, "labels": "balanced", "sampler": {"kind": "euler", "steps": 4, "relative_tolerance": 1e-05, "absolute_tolerance": 1e-05}, "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"}, "seed": 0, "more_seeds": [], "held_out_levels": 2, "extractor": {"kind": "classifier"}, "classifier": {"kind": "trained"}, "reference": "training", "reference_hash": "", "autoencoder": null, "extra_metrics": [], "every": null}}',NULL);
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
INSERT INTO sweep_trial VALUES(1,0,2,'single','{"timesteps": "single"}',0,20,'872101a85343c688');
INSERT INTO sweep_trial VALUES(1,1,1,'dual','{"timesteps": "dual"}',0,20,'872101a85343c688');
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
INSERT INTO attempt VALUES(1,2,1,'finished','machine/ef01bde9/4026531836:19149:4377950',120.0,'2026-11-28 11:41:22.567964',0,'2026-11-28 11:39:20.214594','2026-11-28 11:39:22.567964',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 19702, "checkpoints_passed_over": []}',NULL,NULL,NULL);
INSERT INTO attempt VALUES(2,1,1,'finished','machine/ef01bde9/4026531836:19149:4377950',120.0,'2026-11-28 11:41:22.242548',0,'2026-11-28 11:39:20.176580','2026-11-28 11:39:22.242548',0,20,20,'{"device": "cpu (Intel Xeon)", "torch": "2.13.0", "precision": "fp32", "world_size": 1, "micro_batch": 16, "threads": 1, "evaluator": "0f3dfc3c86eccf48"}','{"git_commit": null, "git_dirty": null, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "ray": "2.60.0", "scikit-learn": "1.9.1", "pydantic": "2.14.3", "safetensors": "0.8.0", "sweeper": "0.1.0"}, "python": "3.11.7", "platform": "Linux", "host": "machine", "process": 19703, "checkpoints_passed_over": []}',NULL,NULL,NULL);
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
INSERT INTO curve_point VALUES(1,10,'align_loss',0.42913103103637695312,1795865961154);
INSERT INTO curve_point VALUES(1,10,'attention_logit_max',1.8887442350387573242,1795865961154);
INSERT INTO curve_point VALUES(1,10,'generation_loss',1.5387644290924071821,1795865961154);
INSERT INTO curve_point VALUES(1,10,'grad_norm',0.89809321761131288841,1795865961154);
INSERT INTO curve_point VALUES(1,10,'held_out_loss',1.6687894943364816047,1795865961290);
INSERT INTO curve_point VALUES(1,10,'held_out_loss_by_t/0.25',1.6658391500913998228,1795865961290);
INSERT INTO curve_point VALUES(1,10,'held_out_loss_by_t/0.75',1.6717398385815633865,1795865961290);
INSERT INTO curve_point VALUES(1,10,'loss_spikes',0.0,1795865961154);
INSERT INTO curve_point VALUES(1,10,'peak_memory_mib',415.3828125,1795865961154);
INSERT INTO curve_point VALUES(1,10,'step_seconds',0.080827128556848037987,1795865961154);
INSERT INTO curve_point VALUES(1,10,'steps_per_second',12.372083703266426368,1795865961154);
INSERT INTO curve_point VALUES(1,10,'train_loss',1.7533299207687378373,1795865961154);
INSERT INTO curve_point VALUES(1,20,'align_loss',0.085850226879119875822,1795865961572);
INSERT INTO curve_point VALUES(1,20,'attention_logit_max',3.1593184471130371093,1795865961572);
INSERT INTO curve_point VALUES(1,20,'generation_loss',1.1851863026618958407,1795865961572);
INSERT INTO curve_point VALUES(1,20,'grad_norm',0.84943181872367856666,1795865961572);
INSERT INTO curve_point VALUES(1,20,'held_out_loss_by_t/0.25',1.5957469887056059398,1795865962102);
INSERT INTO curve_point VALUES(1,20,'held_out_loss_by_t/0.75',1.5795352691395370126,1795865962102);
INSERT INTO curve_point VALUES(1,20,'loss_spikes',0.0,1795865961572);
INSERT INTO curve_point VALUES(1,20,'peak_memory_mib',423.06250000000000001,1795865961572);
INSERT INTO curve_point VALUES(1,20,'step_seconds',0.024885664501198334619,1795865961572);
INSERT INTO curve_point VALUES(1,20,'steps_per_second',19.461215191688850723,1795865961572);
INSERT INTO curve_point VALUES(1,20,'train_loss',1.2281114220619202548,1795865961572);
INSERT INTO curve_point VALUES(2,10,'align_loss',0.42780179381370542213,1795865961095);
INSERT INTO curve_point VALUES(2,10,'attention_logit_max',2.0325860977172851562,1795865961095);
INSERT INTO curve_point VALUES(2,10,'generation_loss',1.5431061983108520507,1795865961095);
INSERT INTO curve_point VALUES(2,10,'grad_norm',0.87248588204383847877,1795865961095);
INSERT INTO curve_point VALUES(2,10,'held_out_loss',1.6683153242785950798,1795865961214);
INSERT INTO curve_point VALUES(2,10,'held_out_loss_by_t/0.25',1.662892461155118351,1795865961214);
INSERT INTO curve_point VALUES(2,10,'held_out_loss_by_t/0.75',1.6737381874020718086,1795865961214);
INSERT INTO curve_point VALUES(2,10,'loss_spikes',0.0,1795865961095);
INSERT INTO curve_point VALUES(2,10,'peak_memory_mib',504.34374999999999999,1795865961095);
INSERT INTO curve_point VALUES(2,10,'realised_gap',0.34298332631587979957,1795865961095);
INSERT INTO curve_point VALUES(2,10,'step_seconds',0.094980363221515692884,1795865961095);
INSERT INTO curve_point VALUES(2,10,'steps_per_second',10.528492059645779832,1795865961095);
INSERT INTO curve_point VALUES(2,10,'train_loss',1.7570070862770079678,1795865961095);
INSERT INTO curve_point VALUES(2,20,'align_loss',0.088510745763778680972,1795865961617);
INSERT INTO curve_point VALUES(2,20,'attention_logit_max',3.305940866470336914,1795865961617);
INSERT INTO curve_point VALUES(2,20,'generation_loss',1.2113392949104309082,1795865961617);
INSERT INTO curve_point VALUES(2,20,'grad_norm',0.68372371196746828392,1795865961617);
INSERT INTO curve_point VALUES(2,20,'held_out_loss_by_t/0.25',1.5902159114401983597,1795865962020);
INSERT INTO curve_point VALUES(2,20,'held_out_loss_by_t/0.75',1.5867821313544567818,1795865962020);
INSERT INTO curve_point VALUES(2,20,'loss_spikes',0.0,1795865961617);
INSERT INTO curve_point VALUES(2,20,'peak_memory_mib',507.33203125,1795865961617);
INSERT INTO curve_point VALUES(2,20,'realised_gap',0.30638818144798279918,1795865961617);
INSERT INTO curve_point VALUES(2,20,'step_seconds',0.030348207200586330839,1795865961617);
INSERT INTO curve_point VALUES(2,20,'steps_per_second',16.40327410007870057,1795865961617);
INSERT INTO curve_point VALUES(2,20,'train_loss',1.2555946588516235795,1795865961617);
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
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'align_loss',0.088510745763778680972,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'class_accuracy',0.2000000000000000111,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'fd_digits',30.678057890024398091,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'held_out_loss',1.5884990213973275707,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'peak_memory_mib',509.54687499999999997,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'steps_per_second',16.40327410007870057,1795865962039);
INSERT INTO evaluation VALUES(1,20,'872101a85343c688',2,'train_loss',1.2555946588516235795,1795865962039);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'align_loss',0.085850226879119875822,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'class_accuracy',0.2000000000000000111,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'fd_digits',30.666262226348820264,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'held_out_loss',1.5876411289225713652,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'peak_memory_mib',433.72656249999999998,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'steps_per_second',19.461215191688850723,1795865962134);
INSERT INTO evaluation VALUES(2,20,'872101a85343c688',1,'train_loss',1.2281114220619202548,1795865962134);
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
INSERT INTO evaluation_detail VALUES(1,20,'872101a85343c688',2,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795865962039);
INSERT INTO evaluation_detail VALUES(2,20,'872101a85343c688',1,'{"samples": 20, "fd_features": 64, "fd_reference_n": 1438, "fd_note": "20 images in 64 features have a singular covariance", "fd_floor": 0.5945795273691203, "fd_floor_n": 359, "classifier_accuracy": 0.9916434540389972, "held_out_images": 359, "training_images": 1438, "passes": 0.22253129346314326}',1795865962134);
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	payload JSON NOT NULL, 
	created DATETIME NOT NULL
);
INSERT INTO outbox VALUES(19,'pages','{"name": "tiny", "profile": "default"}','2026-11-28 11:30:00.000000');
CREATE TABLE mirror_lease (
	id INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	until DATETIME NOT NULL, mark TEXT, 
	CONSTRAINT pk_mirror_lease PRIMARY KEY (id), 
	CONSTRAINT ck_mirror_lease_one_row CHECK (id = 1)
);
INSERT INTO mirror_lease VALUES(1,'','1970-01-01 00:00:00.000000','ee46bfa3:7');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('outbox',19);
INSERT INTO sqlite_sequence VALUES('attempt',2);
CREATE INDEX ix_sweep_trial_trial_id ON sweep_trial (trial_id);
CREATE UNIQUE INDEX uq_attempt_running ON attempt (trial_id) WHERE state = 'running';
CREATE INDEX ix_evaluation_attempt_id ON evaluation (attempt_id);
CREATE INDEX ix_evaluation_detail_attempt_id ON evaluation_detail (attempt_id);
COMMIT;
