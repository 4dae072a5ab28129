#include "comm/process_place.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace ringattn {
namespace {

using Variables = std::map<std::string, std::string>;

std::string error_of(const Variables& variables) {
  try {
    (void)process_place(variables);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("each launcher's variables give the place, and MASTER_ADDR is needed between hosts only") {
  const auto torchrun = process_place({{"RANK", "3"},
                                       {"WORLD_SIZE", "4"},
                                       {"LOCAL_RANK", "1"},
                                       {"MASTER_ADDR", "head"},
                                       {"MASTER_PORT", "1234"},
                                       {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                       {"TORCHELASTIC_RESTART_COUNT", "2"}});
  REQUIRE(torchrun.has_value());
  CHECK(torchrun->rank == 3);
  CHECK(torchrun->world_size == 4);
  CHECK(torchrun->master_address == "head");
  CHECK(torchrun->master_port == 1234);
  CHECK(torchrun->store_is_launchers);
  CHECK(torchrun->attempt == "2");
  const auto open_mpi = process_place({{"OMPI_COMM_WORLD_RANK", "0"},
                                       {"OMPI_COMM_WORLD_SIZE", "2"},
                                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                       {"RINGATTN_INTERFACE", "eth1"}});
  REQUIRE(open_mpi.has_value());
  CHECK(open_mpi->master_address == "127.0.0.1");
  CHECK(open_mpi->master_port == 29500);
  CHECK(open_mpi->interface == "eth1");
  CHECK(!open_mpi->store_is_launchers);
  const auto mpich = process_place({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}, {"MASTER_ADDR", "10.0.0.1"}});
  REQUIRE(mpich.has_value());
  CHECK(mpich->rank == 1);
  const Variables step{{"SLURM_PROCID", "5"},
                       {"SLURM_STEP_NUM_TASKS", "6"},
                       {"SLURM_STEP_ID", "0"},
                       {"SLURM_STEP_NUM_NODES", "2"},
                       {"SLURM_STEP_NODELIST", "node[03-04]"}};
  const auto slurm = process_place(step);
  REQUIRE(slurm.has_value());
  CHECK(slurm->rank == 5);
  CHECK(slurm->master_address == "node03");
}

TEST_CASE("without a launcher, with one process, and in a Slurm batch script there is no place") {
  CHECK(!process_place({}).has_value());
  CHECK(!process_place({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).has_value());
  CHECK(!process_place({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).has_value());
}

TEST_CASE("variables that make no sense are named, with what would") {
  CHECK(error_of({{"RANK", "4"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "a"}}) ==
        "RANK: \"4\" must be an integer, at least 0 and at most 3");
  CHECK(error_of({{"RANK", "0"}, {"WORLD_SIZE", "two"}}) == "WORLD_SIZE: \"two\" must be an integer, at least 1");
  CHECK(error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}}).find("MASTER_ADDR: is not set, but WORLD_SIZE is 2") == 0);
  CHECK(error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "0"}}) ==
        "MASTER_PORT: \"0\" must be an integer, at least 1 and at most 65535");
}

TEST_CASE("the first host of a Slurm list") {
  CHECK(first_host("node[03-07,12],gpu1") == "node03");
  CHECK(first_host("gpu1,gpu2") == "gpu1");
  CHECK(first_host("login") == "login");
  CHECK(first_host("n[1,3]-ib") == "n1");
  CHECK(first_host("broken[12") == "");
}

}  // namespace
}  // namespace ringattn
