# The core on the instruction set of an ESP32-C3: rv32imc, in QEMU, with budgets.
# Included by the Makefile of the firmware.
#
#   make test-rv32      the unit tests on rv32imc; instructions and stack, with budgets
#   make size-rv32      what the core takes of flash and RAM there, with budgets

RV32      := $(BUILD)/rv32
RV32_TOOL := riscv64-unknown-elf-

WIRE_FOLDER := $(abspath ../broker/testdata/wire)

# The multilib is found under this name only: no _zicsr here.
RV32_ARCH  = -march=rv32imc -mabi=ilp32 --specs=picolibc.specs
RV32_CFLAGS = -std=c11 -MMD -MP $(WARNINGS) $(RV32_ARCH) -Os -ffunction-sections -fdata-sections -Iinclude
RV32_LDFLAGS = $(RV32_ARCH) --oslib=semihost --crt0=hosted -Wl,--gc-sections \
	-Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=4M \
	-Wl,--defsym=__ram=0x80400000 -Wl,--defsym=__ram_size=124M
RV32_CORE   = $(CORE_SOURCES:%.c=$(RV32)/%.o)
RV32_LIB    = $(RV32)/libthingpass_core.a
# Guards are made otherwise there.
RV32_SHARED = $(patsubst %.c,$(RV32)/%.o,$(filter-out tests/unit/guard.c,$(UNIT_SHARED)))
RV32_TESTS  = $(UNIT_TESTS:tests/unit/%.c=$(RV32)/%)
RV32_SHIM   = $(addprefix $(RV32)/tests/rv32/,cmocka.o folder.o guard.o heap.o machine.o)

.PHONY: test-rv32 run-rv32 unit-logs
test-rv32:
	@$(MAKE) --no-print-directory unit-logs CC=gcc FLAVOUR=asan
	@$(MAKE) --no-print-directory run-rv32

# What the same programs say on this PC, to compare.
unit-logs: $(UNIT_BINS:%=%.log)
	@:
$(OUT)/test_%.log: $(OUT)/test_%
	@THINGPASS_WIRE=$(WIRE_FOLDER) $< >$@ 2>&1 || { cat $@; rm $@; exit 1; }

run-rv32: $(RV32_TESTS) $(RV32)/bench
	@printf '%s\n' $(RV32_TESTS) | xargs -P 2 -n 1 tests/rv32/qemu
	@tests/rv32/qemu $(RV32)/bench -icount shift=0
	@tests/rv32/check tests/rv32/budgets "insns stack" $(RV32)/bench.log
	@tests/rv32/compare $(BUILD)/gcc-asan $(RV32) $(notdir $(RV32_TESTS))

$(RV32)/src/core/%.o: EXTRA_RV32 = -Wstack-usage=1024
$(RV32)/tests/%.o: EXTRA_RV32 = -Itests/rv32 -Isrc/core -Itests/unit -I$(RV32) -DTHINGPASS_TESTS_EVERY=7
# There uint32_t is an unsigned long, which printf takes for an unsigned as well.
$(RV32)/tests/unit/%.o: EXTRA_RV32 += -Wno-format
$(RV32)/tests/unit/http_judge.o: EXTRA_RV32 += -DTHINGPASS_TESTS_NO_HTTP_PARSER
$(RV32)/tests/rv32/folder.o: $(RV32)/wire_names.h

$(RV32)/%.o: %.c Makefile tests/rv32/rv32.mk
	@mkdir -p $(@D)
	$(QUIET)$(RV32_TOOL)gcc $(RV32_CFLAGS) $(EXTRA_RV32) -c $< -o $@

$(RV32_LIB): $(RV32_CORE)
	@rm -f $@
	@$(RV32_TOOL)ar rcs $@ $^

$(RV32)/wire_names.h: $(WIRE_FOLDER) tests/rv32/rv32.mk
	@mkdir -p $(@D)
	@{ echo '#define WIRE_FOLDER "$(WIRE_FOLDER)"'; printf '#define WIRE_NAMES'; \
	   for f in $(WIRE_FOLDER)/*; do printf ' "%s",' "$${f##*/}"; done; echo; } >$@

$(RV32)/test_%: $(RV32)/tests/unit/test_%.o $(RV32_SHARED) $(RV32_SHIM) $(RV32_LIB)
	@$(RV32_TOOL)gcc $(RV32_LDFLAGS) $^ -o $@

$(RV32)/bench: $(addprefix $(RV32)/tests/,unit/sha256.o $(addprefix rv32/,bench.o cmocka.o loop.o machine.o)) $(RV32_LIB)
	@$(RV32_TOOL)gcc $(RV32_LDFLAGS) $^ -o $@
$(RV32)/tests/rv32/bench.o: $(RV32)/wire_names.h

# What a program pays for is what it names: each profile is linked and weighed.
RV32_PROFILES = $(patsubst tests/rv32/profile_%.c,%,$(wildcard tests/rv32/profile_*.c))
RV32_MAPS     = $(RV32_PROFILES:%=$(RV32)/profile_%.map) $(RV32)/profile_everything.map
RV32_LINK     = $(RV32_ARCH) --crt0=minimal -Wl,--gc-sections

$(RV32)/profile_%.map: $(RV32)/tests/rv32/profile_%.o $(RV32)/tests/rv32/profile.o $(RV32_LIB)
	@$(RV32_TOOL)gcc $(RV32_LINK) -Wl,-Map=$@.new $^ -o $(@:.map=)
	@mv $@.new $@

$(RV32)/profile_everything.map: $(RV32)/tests/rv32/profile_put.o $(RV32)/tests/rv32/profile.o $(RV32_LIB)
	@$(RV32_TOOL)gcc $(RV32_LINK) -Wl,--no-gc-sections -Wl,-Map=$@.new $(filter %.o,$^) -Wl,--whole-archive $(RV32_LIB) -Wl,--no-whole-archive -o $(@:.map=)
	@mv $@.new $@

.PHONY: size-rv32 check-symbols-rv32
size-rv32: check-symbols-rv32 $(RV32_MAPS) $(RV32)/tests/rv32/sizes.o
	@$(RV32_TOOL)size $(RV32_CORE) | awk '{ sub(/.*\//, "", $$6); printf "%6s %6s %6s  %s\n", $$1, $$2, $$3, $$6 }'
	@for m in $(RV32_MAPS); do name=$${m##*/profile_}; tests/rv32/weigh $${name%.map} $$m || exit 1; done >$(RV32)/sizes
	@$(RV32_TOOL)nm -S $(RV32)/tests/rv32/sizes.o | while read -r _ size _ name; do echo "ram.$${name#ram_} $$((0x$$size))"; done >>$(RV32)/sizes
	@tests/rv32/check tests/rv32/budgets "flash ram" $(RV32)/sizes

check-symbols-rv32: $(RV32_LIB)
	@tests/rv32/symbols $(RV32_LIB) '$(ALLOWED)'
