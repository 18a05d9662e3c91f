"""All SQL, one file a subject, one function a question."""
