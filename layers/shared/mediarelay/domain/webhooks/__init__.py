"""HTTP delivery of events: endpoints, deliveries and attempts. Pure."""
