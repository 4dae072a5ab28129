#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::guide_config;
using test::message_of;

template <typename Error>
std::string refusal(void (*change)(RingAttentionConfig&), const Capabilities& capabilities = {},
                    std::int64_t ranks = 4) {
  RingAttentionConfig config = guide_config();
  change(config);
  return message_of<Error>([&] { check_runnable(config, capabilities, ranks); });
}

TEST_CASE("auto runs anywhere") { CHECK_NOTHROW(check_runnable(guide_config(), Capabilities{}, 4)); }

TEST_CASE("a transport that is named and cannot run is unavailable, with the reason and an alternative") {
  using B = CommunicationBackend;
  CHECK(refusal<Unavailable>([](auto& c) { c.communication_backend = B::threads; }) == "no error");
  CHECK(refusal<Unavailable>([](auto& c) { c.communication_backend = B::nccl; }) ==
        "communication_backend: nccl cannot run here: this build has no NCCL; use auto or threads (a rank is a thread "
        "of this process)");
  CHECK(refusal<Unavailable>([](auto& c) { c.communication_backend = B::nccl; }, {.nccl = true}) == "no error");
  CHECK(refusal<Unavailable>([](auto& c) { c.communication_backend = B::gloo; }, {.nccl = true})
            .starts_with("communication_backend: gloo is not built in: the LibTorch wheel ships without its headers; "
                         "use auto or threads"));
  CHECK(refusal<Unavailable>([](auto& c) {
          c.communication_backend = B::mpi;
        }).starts_with("communication_backend: mpi is not built in"));
}

TEST_CASE("a device, backend or layout that is named and missing is unavailable") {
  CHECK(refusal<Unavailable>([](auto& c) { c.device = Device::cuda; }) ==
        "device: cuda cannot run here: this build has no CUDA; use auto or cpu");
  CHECK(refusal<Unavailable>([](auto& c) { c.device = Device::cuda; }, {.cuda_devices = 1}) == "no error");
  CHECK(refusal<Unavailable>([](auto& c) { c.backend = Backend::fused; },
                             {.backends = {Backend::reference, Backend::sdpa}}) ==
        "backend: fused is not in this build; it has reference, sdpa");
  CHECK(refusal<Unavailable>([](auto& c) { c.layout = Layout::zigzag; }) ==
        "layout: zigzag is not in this build; it has contiguous");
  CHECK(refusal<Unavailable>([](auto& c) { c.dropout = 0.1; }) ==
        "dropout: this build cannot drop attention weights yet (got 0.1); use 0");
  CHECK(refusal<Unavailable>([](auto& c) { c.dropout = 0.1; }, {.dropout = true}) == "no error");
}

TEST_CASE("ring_size is null or the number of ranks") {
  CHECK(refusal<UsageError>([](auto& c) { c.ring_size = 4; }) == "no error");
  CHECK(refusal<UsageError>([](auto& c) { c.ring_size = 8; }) ==
        "ring_size: must be null or the number of ranks, 4 (got 8)");
}

TEST_CASE("what cannot act on a device is said of that device alone") {
  RingAttentionConfig c = guide_config();
  CHECK(device_notices(c, false).empty());
  c.use_tf32 = false;
  CHECK(device_notices(c, true).empty());
  CHECK(device_notices(c, false) ==
        std::vector<std::string>{
            "use_tf32=false: TF32 exists on GPUs alone; on the CPU products of fp32 are fp32 anyway"});
  c.compile_mode = CompileMode::reduce_overhead;
  CHECK(device_notices(c, false).front() ==
        "compile_mode=reduce-overhead: CUDA graphs exist on GPUs alone; on the CPU calls run as they are");
  CHECK(device_notices(c, true).empty());
}

}  // namespace
}  // namespace ringattn
