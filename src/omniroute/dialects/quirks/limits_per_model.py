"""The provider counts limits for each model alone: a refusal of one says nothing about the others.

A mark without a hook: routing reads it. Documented by Google (ai.google.dev/gemini-api/docs/rate-limits) and by
GitHub Models, and true of providers that pass requests on to others (OpenRouter and the like).
"""

from omniroute.dialects.quirks.quirk import Quirk

NAME = "limits_per_model"

LIMITS_PER_MODEL = Quirk()
