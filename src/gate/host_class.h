#pragma once

#include "config/environment.h"

#include <istream>
#include <string>

namespace ringattn {

/// Family and model of the first processor in /proc/cpuinfo, which tell instruction sets apart where the model's name
/// does not (virtual machines hide it): "f25m17"; "" where it has none.
std::string cpu_generation(std::istream& cpuinfo);

/// What times and library workspaces of two machines must share to be comparable, as a file name: CPU model and
/// generation, usable cores, intra-op threads, build type and LibTorch's version:
/// "amd-epyc-9b14-f25m17-2c-2t-release-torch2.11.0".
std::string host_class(const Environment& environment, const std::string& generation);

}  // namespace ringattn
