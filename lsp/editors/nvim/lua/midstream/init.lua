-- Midstream in Neovim 0.7 and later: `require("midstream").setup()`.
-- It starts `midstream lsp` for every file and shows its suggestion as ghost text; <Tab> accepts it.

local ghost = require("midstream.ghost")
local native = require("midstream.native")

local M = {}

M.config = {
  cmd = { "midstream", "lsp" },
  accept = "<Tab>", -- insert mode; false: no mapping, call require("midstream").accept() yourself
  filetypes = nil, -- a list; nil: every file
  init_options = nil, -- the names of [lsp] in midstream.toml
  native = false, -- true: Neovim 0.12's vim.lsp.inline_completion shows the ghost text
}

-- Root folder to client id, for Neovim 0.7, which has no vim.lsp.start.
local clients = {}

local function root_of(file)
  local folder = vim.fn.fnamemodify(file, ":p:h")
  local git = vim.fn.finddir(".git", folder .. ";")
  if git == "" then
    git = vim.fn.findfile(".git", folder .. ";") -- a worktree's or submodule's
  end
  return git == "" and folder or vim.fn.fnamemodify(git, ":p:s?/$??:h")
end

local function client_config(root)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  return {
    name = "midstream",
    cmd = M.config.cmd,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
    init_options = M.config.init_options or vim.empty_dict(),
    capabilities = capabilities,
    on_exit = function()
      clients[root] = nil
    end,
  }
end

local function start(bufnr, root)
  if vim.lsp.start then
    return vim.lsp.start(client_config(root), { bufnr = bufnr })
  end
  clients[root] = clients[root] or vim.lsp.start_client(client_config(root))
  if clients[root] then
    vim.lsp.buf_attach_client(bufnr, clients[root])
  end
  return clients[root]
end

local function termcodes(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

-- What the key did before, once more, and before what was typed after it.
local function pass_on(before, key)
  local keys, mode = termcodes(key), "n"
  if before.callback then
    local result = before.callback()
    if before.expr ~= 1 then
      return
    end
    keys = before.replace_keycodes == 1 and termcodes(result or "") or result or ""
  elseif before.rhs then
    keys = termcodes(before.expr == 1 and vim.api.nvim_eval(before.rhs) or before.rhs)
    mode = before.noremap == 1 and "n" or "m"
  end
  vim.api.nvim_feedkeys(keys, mode .. "i", false)
end

local function map_accept(bufnr)
  local key = M.config.accept
  if not key or vim.b[bufnr].midstream_mapped then
    return
  end
  local before = vim.fn.maparg(key, "i", false, true)
  vim.b[bufnr].midstream_mapped = true
  vim.keymap.set("i", key, function()
    if not M.accept() then
      pass_on(before, key)
    end
  end, { buffer = bufnr, desc = "Accept Midstream's suggestion" })
end

local function attach(bufnr)
  local wanted = M.config.filetypes
  if vim.bo[bufnr].buftype ~= "" or (wanted and not vim.tbl_contains(wanted, vim.bo[bufnr].filetype)) then
    return
  end
  local file = vim.api.nvim_buf_get_name(bufnr)
  local client_id = file ~= "" and start(bufnr, root_of(file))
  if not client_id then
    return
  end
  if M.config.native then
    native.attach(bufnr)
  else
    ghost.attach(bufnr, client_id)
  end
  map_accept(bufnr)
end

-- Accepts what is shown, the rest of it when its beginning was typed. False when there is nothing that fits.
function M.accept()
  if M.config.native then
    return native.accept()
  end
  return ghost.accept()
end

-- The text that is shown at the cursor of the current buffer, or nil.
function M.shown()
  return ghost.shown()
end

function M.setup(options)
  M.config = vim.tbl_extend("force", M.config, options or {})
  if M.config.native and not vim.lsp.inline_completion then
    vim.notify("midstream: native needs Neovim 0.12; using its own ghost text", vim.log.levels.WARN)
    M.config.native = false
  end
  local group = vim.api.nvim_create_augroup("midstream", { clear = true })
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    callback = function(event)
      attach(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      attach(bufnr)
    end
  end
end

return M
