"""Render: plans previews, and draws them with diffusers from safetensors alone."""
