#pragma once

#include "config/ring_attention_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// A thing that can run here, or why not.
struct Ability {
  std::string name;
  bool available = false;
  std::string detail;  ///< version or kind where it is available, the reason where it is not
};

/// What only LibTorch can say about this machine and build.
struct TorchFacts {
  std::string version;
  int intra_op_threads = 0;
  int cuda_devices = 0;
  std::vector<std::string> gpus{};
  Ability cuda_build{};    ///< our kernels were compiled for CUDA
  Ability cuda_runtime{};  ///< LibTorch has CUDA and finds a device
  Ability nccl{};
  std::vector<Ability> backends{};  ///< what computes one tile
};

/// The one function of this folder's framework that looks into LibTorch (torch_facts.cpp).
TorchFacts torch_facts();

/// What can be honoured here, for check_runnable().
Capabilities capabilities(const TorchFacts& facts);

}  // namespace ringattn
