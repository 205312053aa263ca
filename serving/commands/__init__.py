"""The commands that answer, keep and guard; each is one call into a module beside this folder."""
