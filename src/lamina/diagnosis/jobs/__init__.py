"""Which jobs of a run were disturbed, and by what."""

from lamina.diagnosis.jobs.detector import FittedJobs, JobDetector, JobVerdict

__all__ = ["FittedJobs", "JobDetector", "JobVerdict"]
