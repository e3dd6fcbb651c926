"""What Mediarelay does with tasks, one module per job."""
