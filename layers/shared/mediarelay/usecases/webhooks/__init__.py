"""HTTP delivery of events to the endpoints of an operator."""
