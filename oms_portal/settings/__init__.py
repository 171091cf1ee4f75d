"""Settings: ``base`` holds what is so everywhere; ``demo``, ``test`` and ``production`` say where and how safely."""
