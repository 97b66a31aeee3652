"""Numerical integration on plain arrays: explicit lanes, a stiff method, events, dense output, status codes."""
