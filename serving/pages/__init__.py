"""The auditor's pages: every score, model and entry of the record, told to people."""
