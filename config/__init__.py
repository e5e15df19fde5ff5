"""What the platform team decides: one TOML file an environment, and the module that reads it."""
