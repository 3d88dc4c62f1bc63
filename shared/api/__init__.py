"""Wire shapes: `v1` (Civitai-compatible, to read), `hub` (Easel's own, to publish), `inside` (between services)."""
