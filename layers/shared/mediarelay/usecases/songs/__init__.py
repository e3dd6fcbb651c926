"""What Mediarelay does with songs, one module per job."""
