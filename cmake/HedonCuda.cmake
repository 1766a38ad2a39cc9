# What the cuda backend is built with: nvcc, the CUDA runtime, cuBLASLt and cuDNN 9, for several GPUs
# NCCL's header. Looked for in the
# toolkit that nvcc belongs to, in the system's folders, and in Python's packages nvidia-cudnn-cu*,
# nvidia-cublas-cu* (python3's own, or HEDON_PYTHON_NVIDIA = its site-packages/nvidia), where a library's
# name ends in its version. Sets HEDON_CUDA_FOUND, and HEDON_CUDA_MISSING for people.
set(HEDON_PYTHON_NVIDIA "" CACHE PATH "site-packages/nvidia of a Python that has the nvidia-cudnn package")

find_program(HEDON_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
set(HEDON_CUDA_MISSING "")
if(NOT HEDON_NVCC)
  set(HEDON_CUDA_MISSING "nvcc")
else()
  get_filename_component(nvcc_real ${HEDON_NVCC} REALPATH)
  get_filename_component(nvcc_bin ${nvcc_real} DIRECTORY)
  get_filename_component(HEDON_CUDA_ROOT ${nvcc_bin} DIRECTORY)
  set(cuda_roots ${HEDON_CUDA_ROOT} ${HEDON_CUDA_ROOT}/targets/x86_64-linux ${HEDON_CUDA_ROOT}/targets/sbsa-linux)

  set(nvidia ${HEDON_PYTHON_NVIDIA})
  if(NOT nvidia)
    find_program(HEDON_PYTHON3 python3)
    if(HEDON_PYTHON3)
      execute_process(COMMAND ${HEDON_PYTHON3} -c "import nvidia; print(list(nvidia.__path__)[0])"
                      OUTPUT_VARIABLE nvidia OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
  # The runtime is nvcc's own. cuDNN and the cuBLASLt that it calls should be of one origin: the folder that
  # was named comes first, the one that was found by itself last.
  set(toolkit_roots ${cuda_roots})
  file(GLOB python_roots ${nvidia}/cudnn ${nvidia}/cu13 ${nvidia}/cu12 ${nvidia}/cublas ${nvidia}/cuda_runtime)
  if(HEDON_PYTHON_NVIDIA)
    set(library_roots ${python_roots} ${toolkit_roots})
  else()
    set(library_roots ${toolkit_roots} ${python_roots})
  endif()
  list(APPEND toolkit_roots ${python_roots})

  function(hedon_cuda_header variable file)
    find_path(${variable} ${file} HINTS ${ARGN} PATH_SUFFIXES include)
    if(NOT ${variable})
      set(HEDON_CUDA_MISSING "${HEDON_CUDA_MISSING} ${file}" PARENT_SCOPE)
    endif()
  endfunction()
  function(hedon_cuda_library variable roots)
    find_library(${variable} NAMES ${ARGN} NAMES_PER_DIR HINTS ${${roots}}
                 PATH_SUFFIXES lib64 lib lib/x86_64-linux-gnu)
    if(NOT ${variable})
      list(GET ARGN 0 first)
      set(HEDON_CUDA_MISSING "${HEDON_CUDA_MISSING} ${first}" PARENT_SCOPE)
    endif()
  endfunction()

  hedon_cuda_header(HEDON_CUDA_INCLUDE cuda_runtime_api.h ${toolkit_roots})
  hedon_cuda_library(HEDON_CUDART_LIBRARY toolkit_roots cudart_static libcudart.so.13 libcudart.so.12)
  hedon_cuda_header(HEDON_CUDNN_INCLUDE cudnn_backend.h ${library_roots})
  hedon_cuda_library(HEDON_CUDNN_LIBRARY library_roots libcudnn.so.9 cudnn)
  string(FIND "${HEDON_CUDNN_LIBRARY}" "${nvidia}/" is_python)
  if(nvidia AND is_python EQUAL 0)
    set(library_roots ${python_roots} ${cuda_roots})
  endif()
  hedon_cuda_header(HEDON_CUBLAS_INCLUDE cublasLt.h ${library_roots})
  hedon_cuda_library(HEDON_CUBLASLT_LIBRARY library_roots libcublasLt.so.13 libcublasLt.so.12 cublasLt)
  # For several GPUs. The library is opened at run time. Communicators that do not block came with 2.14.
  find_path(HEDON_NCCL_INCLUDE nccl.h HINTS ${library_roots} ${nvidia}/nccl PATH_SUFFIXES include)
  if(HEDON_NCCL_INCLUDE)
    file(STRINGS ${HEDON_NCCL_INCLUDE}/nccl.h nccl_version REGEX "define NCCL_(MAJOR|MINOR) ")
    string(REGEX REPLACE "[^0-9;]" "" nccl_version "${nccl_version}")
    string(REPLACE ";" "." nccl_version "${nccl_version}")
    if(nccl_version VERSION_LESS 2.14)
      message(STATUS "kernels: NCCL ${nccl_version} is older than 2.14")
      set(HEDON_NCCL_INCLUDE HEDON_NCCL_INCLUDE-NOTFOUND)
    endif()
  endif()
  find_library(HEDON_NCCL_LIBRARY NAMES libnccl.so.2 nccl HINTS ${library_roots} ${nvidia}/nccl PATH_SUFFIXES lib64 lib)
endif()

if(HEDON_CUDA_MISSING)
  set(HEDON_CUDA_FOUND FALSE)
else()
  set(HEDON_CUDA_FOUND TRUE)
  # Machine code for these, and PTX of the last one for all that come later.
  set(HEDON_CUDA_ARCHITECTURES "80;90" CACHE STRING "Compute capabilities of the cuda backend's kernels")
  set(HEDON_CUDA_CODE "")
  foreach(architecture ${HEDON_CUDA_ARCHITECTURES})
    list(APPEND HEDON_CUDA_CODE -gencode arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  list(GET HEDON_CUDA_ARCHITECTURES -1 last)
  list(APPEND HEDON_CUDA_CODE -gencode arch=compute_${last},code=compute_${last})
endif()

# hedon_cuda_objects(OUT FILE...): compiled by nvcc, as objects for a shared library.
function(hedon_cuda_objects out)
  set(flags -std=c++17 -O3 ${HEDON_CUDA_CODE} -Xcompiler=-fPIC,-fvisibility=hidden,-Wall,-Wextra
      -I${CMAKE_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/include)
  if(HEDON_WERROR)
    list(APPEND flags -Werror all-warnings -Xcompiler=-Werror)
  endif()
  set(objects "")
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.cu.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${HEDON_NVCC} ${flags} -MD -MF ${object}.d -MT ${object} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} DEPFILE ${object}.d VERBATIM
      COMMENT "Building CUDA object ${name}.cu.o")
    list(APPEND objects ${object})
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()
