"""
The judge: a pure function from columns and rule versions to verdicts (``screening.screen``).

It knows neither database nor clock. ``columns`` is what it is given, ``rules/`` what it asks, ``evidence`` what it
leaves behind. The same columns and rules always give the same verdicts.
"""
