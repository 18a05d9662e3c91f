"""Schema, migrations, the one writer, and secrets at rest."""
