"""Hypothesis settings without a clock: machines are busy, and the first draw of a text builds a table for seconds."""

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(patient, max_examples=400)
