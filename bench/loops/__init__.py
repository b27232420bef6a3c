"""Small repositories with failing tests, and a runner that lets hotloop fix them."""
