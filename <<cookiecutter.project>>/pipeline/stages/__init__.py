"""One module a stage; each is run(settings, aws, options) -> StageResult."""
