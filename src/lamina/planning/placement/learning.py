"""What attempts teach: each stage as it ends, the work of whoever did some, and the whole."""

from __future__ import annotations

from collections.abc import Mapping

from lamina.estimates import PREDICTORS
from lamina.estimates.stages import Load, RuntimeEstimates
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import Attempt
from lamina.planning.placement.words import Job, Runtime, Share


def fresh(policy: Policy, runtimes: Mapping[str, Runtime]) -> dict[str, RuntimeEstimates]:
    """Estimates that know nothing, with the predictors of a policy; a standby only works."""
    return {
        name: RuntimeEstimates(
            {
                stage: PREDICTORS.get(predictor)()
                for stage, predictor in policy.predictors.items()
                if stage == "processing" or not runtime.standby
            },
            policy.overlaps,
        )
        for name, runtime in runtimes.items()
    }


class Learner:
    """Tells estimates what happened.

    Args:
        runtimes: name -> runtime.
        estimates: name -> what is known of it.
    """

    def __init__(
        self, runtimes: Mapping[str, Runtime], estimates: Mapping[str, RuntimeEstimates]
    ) -> None:
        self.runtimes = runtimes
        self.estimates = estimates

    def stage(
        self, attempt: Attempt, stage: str, now: float, seconds: float, censored: bool = False
    ) -> None:
        """A stage of an attempt is over, or was ended after so many seconds."""
        estimates = self.estimates[attempt.runtime]
        if stage in estimates.stages:
            load = attempt.job.load(self.runtimes[attempt.runtime], now)
            estimates.update(stage, load, seconds, censored)

    def ended(self, attempt: Attempt, now: float) -> None:
        """An attempt was ended: what it was about would have taken longer."""
        if attempt.started is not None:
            if not attempt.shared:
                self.stage(attempt, "processing", now, now - attempt.started, censored=True)
        elif attempt.deployed is None and attempt.begun is not None:
            self.stage(attempt, "deployment", now, now - attempt.begun, censored=True)

    def worked(self, attempt: Attempt, share: Share, now: float, alone: bool) -> None:
        """An attempt did items of a job that is done now, alone or with others."""
        estimates = self.estimates[attempt.runtime]
        if alone and share.items == attempt.job.items and attempt.expected:
            estimates.came_out(attempt.expected, now - attempt.asked)
        if not share.items:
            return
        load = attempt.job.load(self.runtimes[attempt.runtime], now, share.items)
        if not alone and 2 * share.items >= attempt.job.items and attempt.expected:
            estimates.came_out(attempt.expected, self._whole(attempt, share, load))
        estimates.update("processing", load, share.seconds)
        if "fetch" in estimates.stages:
            estimates.update("fetch", load, share.fetch)

    def _whole(self, attempt: Attempt, share: Share, part: Load) -> float:
        """Seconds that an attempt would have taken for all items, from those that it took."""
        whole = attempt.job.load(self.runtimes[attempt.runtime], part.at)
        stage = self.estimates[attempt.runtime].stage
        few, all_ = stage("processing", part).mean, stage("processing", whole).mean
        ready = (attempt.started or attempt.asked) - attempt.asked
        return float(ready + (share.seconds + share.fetch) * (all_ / few if few else 1.0))

    def upload(self, attempt: Attempt, now: float) -> float:
        """Seconds that its data is expected to travel; 0 where nothing is known."""
        if "upload" not in self.estimates[attempt.runtime].stages:
            return 0.0
        load = attempt.job.load(self.runtimes[attempt.runtime], now)
        known = self.estimates[attempt.runtime].stage("upload", load)
        return float(known.mean) if known else 0.0

    def probed(self, runtime: str, now: float, seconds: float) -> None:
        """A probe says how long the deployment took."""
        if "deployment" in self.estimates[runtime].stages:
            load = Job("probe", 1).load(self.runtimes[runtime], now)
            self.estimates[runtime].update("deployment", load, seconds)

    def work(self, attempt: Attempt, items: float, now: float) -> float:
        """Seconds that so many items are expected to take; 0 where nothing is known."""
        load = attempt.job.load(self.runtimes[attempt.runtime], now, items)
        known = self.estimates[attempt.runtime].stage("processing", load)
        return float(known.mean) if known else 0.0
