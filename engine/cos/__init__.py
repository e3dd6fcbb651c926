"""Buckets the way COS serves them: `service` decides what a request asks for, the other modules do it."""
