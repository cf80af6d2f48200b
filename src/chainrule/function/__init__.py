"""The public verbs: functions of functions, joining tracing, calculus and evaluation."""
