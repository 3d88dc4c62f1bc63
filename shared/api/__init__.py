"""Wire shapes: `v1` (Civitai-compatible, read), `hub` (Easel's own, publish and moderate), `inside` (between services)."""
