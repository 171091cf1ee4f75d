"""Speed, shown as a ratio to a yardstick measured in the same run. ``make bench``, ``make bench ONLY=pipeline``."""
