# Builds every tests/unit/test_*.c and tests/fuzz/fuzz_*.c with all of engine/core under FLAGS into DIR (tools/run_tests).
CORE  := $(wildcard engine/core/*/*.c)
TESTS := $(basename $(notdir $(wildcard tests/unit/test_*.c)))
FUZZ  := $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
OBJS  := $(CORE:%.c=$(DIR)/%.o)
X86   := $(filter x86_64,$(shell uname -m))

all: $(TESTS:%=$(DIR)/%) fuzz
fuzz: $(FUZZ:%=$(DIR)/%)
.PHONY: all fuzz

$(DIR)/engine/core/dist/dist_avx2.o: ISA = $(if $(X86),-mavx2 -mfma -mf16c)
$(DIR)/engine/core/dist/dist_avx512.o: ISA = $(if $(X86),-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma)
$(DIR)/engine/core/ivf/ivf_fastscan_avx2.o: ISA = $(if $(X86),-mavx2)
$(DIR)/engine/core/ivf/ivf_fastscan_avx512.o: ISA = $(if $(X86),-mavx512f -mavx512bw)
$(DIR)/engine/core/dist/dist_sparse_avx512.o: ISA = $(if $(X86),-mavx512f)
$(DIR)/engine/core/dist/dist_vpopcnt.o: ISA = $(if $(X86),-mavx512f -mavx512bw -mavx512vpopcntdq)

$(DIR)/%.o: %.c
	@mkdir -p $(dir $@)
	$(CC) $(FLAGS) $(ISA) -MMD -MP -c -o $@ $<

$(DIR)/test_%: tests/unit/test_%.c $(OBJS)
	$(CC) $(FLAGS) -MMD -MP -MF $@.d -o $@ $< $(OBJS) $$(pkg-config --cflags --libs check) -lm

$(DIR)/fuzz_%: tests/fuzz/fuzz_%.c $(OBJS)
	$(CC) $(FLAGS) -MMD -MP -MF $@.d -o $@ $< $(OBJS) -lm

-include $(FUZZ:%=$(DIR)/%.d) $(OBJS:.o=.d) $(TESTS:%=$(DIR)/%.d)
.SECONDARY:
