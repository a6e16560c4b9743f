"""What builds the site: `python -m mkdocs build --strict`. Nothing here is part of the package."""
