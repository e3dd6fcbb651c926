"""Use cases, one module per job. The wiring passes the adapters in; a use case imports none."""
