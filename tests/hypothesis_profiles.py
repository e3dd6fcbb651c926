"""Hypothesis settings for tests that draw text: on a fresh machine the first draw builds a table for seconds."""

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(patient, max_examples=400)
