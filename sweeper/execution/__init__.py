"""Have Ray Tune run trials from a queue. The only room that knows Ray; it knows no store, no MLflow, no tables."""
