# An MLflow server that keeps its records in PostgreSQL. Build from the repository root: docker build -f docker/mlflow.Dockerfile .
# The same pinned mlflow as in the sweeper image, so the client and the server agree on the schema.
FROM python:3.11.13-slim-bookworm
WORKDIR /srv/mlflow
COPY constraints.txt .
RUN pip install --no-cache-dir mlflow 'psycopg[binary]' -c constraints.txt
RUN groupadd --gid 10002 mlflow && useradd --create-home --uid 10002 --gid 10002 mlflow && install -d -o mlflow -g mlflow /artifacts
USER 10002:10002
VOLUME /artifacts
EXPOSE 5000
# One worker and no job runner: 0.5 GB instead of 3.2 GB. The server is told its database and its names by the environment:
# MLFLOW_BACKEND_STORE_URI and MLFLOW_SERVER_ALLOWED_HOSTS.
ENV MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MLFLOW_DISABLE_TELEMETRY=true
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--artifacts-destination", "/artifacts"]
