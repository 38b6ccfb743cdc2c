"""MLflow, which nothing else imports: runs, results read back, the registry, and the logged model."""
