"""The language in which requests are looked for: `status:error model:claude-* cost>0.01 key:\"team a\"`."""
