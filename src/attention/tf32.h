#pragma once

namespace ringattn {

/// While one lives, LibTorch's matrix products of fp32 on GPUs don't use TF32, whatever its own setting allows. That
/// setting is the process's: the first object of all threads saves it and the last one puts it back.
class WithoutTf32 {
 public:
  WithoutTf32();
  ~WithoutTf32();
  WithoutTf32(const WithoutTf32&) = delete;
  WithoutTf32& operator=(const WithoutTf32&) = delete;
};

}  // namespace ringattn
