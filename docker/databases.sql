-- Run once, when the volume is empty. The image makes the database `sweeper` itself (POSTGRES_DB); MLflow keeps its own tables apart,
-- so neither tool's migrations see the other's.
CREATE DATABASE mlflow;
