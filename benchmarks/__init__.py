"""Compare functions with the receivers that a team would write without this project, in one run."""
