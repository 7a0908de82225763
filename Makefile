# Aliases for those whose fingers type make; ./portal does the work.
.PHONY: run test check
run test check:
	@./portal $@
