"""scikit-learn's MLPClassifier with plain SGD, held to the same batches and epochs."""

from __future__ import annotations

import time
import warnings
from typing import cast, final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from lamina.benchmark.peers.base import Floats, Lesson, Peer, Trained


@final
class ScikitLearn(Peer):
    """Its own initial weights; rows stay in the order given (the quicker of its two ways)."""

    def train(self, lesson: Lesson) -> Trained:
        """Trains one network; stopping early and weight decay are switched off."""
        network = MLPClassifier(
            hidden_layer_sizes=lesson.hidden,
            activation="relu",
            solver="sgd",
            alpha=0.0,
            batch_size=lesson.batch_size,
            learning_rate="constant",
            learning_rate_init=lesson.learning_rate,
            momentum=lesson.momentum,
            nesterovs_momentum=False,
            max_iter=lesson.epochs,
            n_iter_no_change=lesson.epochs + 1,
            tol=0.0,
            shuffle=False,
            random_state=lesson.seed,
        )
        classes = lesson.targets.astype(np.int64)
        with warnings.catch_warnings():
            # Reaching max_iter is the point here, not a lack of convergence.
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = time.perf_counter()
            network.fit(lesson.features, classes)
            seconds = time.perf_counter() - start

        def predict(features: Floats) -> Floats:
            return cast(Floats, network.predict_proba(features)[:, 1].astype(np.float32))

        return Trained(seconds, 0.0, predict)
