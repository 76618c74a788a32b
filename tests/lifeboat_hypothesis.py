"""What all tests share: no test judges by the clock, whatever else the machine is doing."""

from hypothesis import HealthCheck, settings

settings.register_profile("lifeboat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lifeboat")
