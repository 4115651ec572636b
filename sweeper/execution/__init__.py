"""Have Ray Tune run trials from a queue. The only package that knows Ray; it knows no store, no MLflow, no tables."""
