"""Serve buckets as COS does: `service` finds the operation of a request, and the other modules carry it out."""
