"""The pages of the site, and in `docs._site` what builds it."""
