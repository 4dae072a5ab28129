#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace ringattn {

/// This process's place among those that a launcher has started.
struct ProcessPlace {
  int rank = 0;
  int world_size = 1;
  std::string launcher{};  ///< the variables that said so: "RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"
  std::string master_address{};     ///< the host of rank 0
  int master_port = 29500;          ///< where processes meet
  bool store_is_launchers = false;  ///< torchrun's agent listens there itself
  std::string attempt{};            ///< tells a restarted group's words from those of the one before
  std::optional<int> listener{};    ///< rank 0 under --launch: an open socket that listens at the port
  std::string interface {};         ///< RINGATTN_INTERFACE: whose address peers are told; "": the one towards rank 0
};

/// What the launcher's variables say: RANK and WORLD_SIZE (torchrun, a plain environment), Open MPI's, PMI's (MPICH,
/// Intel MPI), or those of a Slurm job step. None where there is no launcher, or only one process. MASTER_ADDR may be
/// left out where all processes share a host, and in a Slurm step. UsageError names a variable that makes no sense.
std::optional<ProcessPlace> process_place(const std::map<std::string, std::string>& variables);

/// The first host of a Slurm list: "node[03-07,12],gpu1" gives "node03".
std::string first_host(const std::string& list);

}  // namespace ringattn
