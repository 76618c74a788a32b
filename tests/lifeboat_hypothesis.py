"""What all tests share: no test judges by the clock, whatever else the machine is doing."""

from hypothesis import HealthCheck, settings

settings.register_profile("lifeboat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# pytest --hypothesis-profile=deep: minutes instead of seconds, for a search before a release.
settings.register_profile("deep", settings.get_profile("lifeboat"), max_examples=2000)
settings.load_profile("lifeboat")
