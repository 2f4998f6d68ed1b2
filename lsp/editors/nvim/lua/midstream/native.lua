-- Accepts what Neovim 0.12's own vim.lsp.inline_completion shows. Up to 0.12.4 it leaves what was typed since the
-- suggestion came before it (neovim/neovim#36529); here the rest alone is inserted, or nothing when it does not fit.

local along = require("midstream.along")

local M = {}

local METHOD = "textDocument/inlineCompletion"

-- By buffer, then by "row,col": the place of every request of this stay in insert mode.
local places = {}

local function key(row, col)
  return row .. "," .. col
end

function M.attach(bufnr)
  local group = vim.api.nvim_create_augroup("midstream_native_" .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd("InsertEnter", {
    group = group,
    buffer = bufnr,
    callback = function()
      places[bufnr] = {}
    end,
  })
  vim.api.nvim_create_autocmd("BufUnload", {
    group = group,
    buffer = bufnr,
    callback = function()
      places[bufnr] = nil
    end,
  })
  vim.api.nvim_create_autocmd("LspRequest", {
    group = group,
    buffer = bufnr,
    callback = function(event)
      local request = event.data.request
      if request.method == METHOD and request.type == "pending" and vim.api.nvim_get_current_buf() == bufnr then
        local at = vim.api.nvim_win_get_cursor(0)
        places[bufnr] = places[bufnr] or {}
        places[bufnr][key(at[1] - 1, at[2])] = along.place(at[1] - 1, at[2])
      end
    end,
  })
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
end

-- Where an item's range starts; the names differ between versions of Neovim.
local function start_of(range)
  if range.start_row then
    return range.start_row, range.start_col
  end
  return range.start.row, range.start.col
end

-- Inserts what is left of the item and tells the server. False when something else was typed.
local function accept(item)
  local row, col = start_of(item.range)
  local bufnr = vim.api.nvim_get_current_buf()
  local place = (places[bufnr] or {})[key(row, col)]
  local text = type(item.insert_text) == "table" and item.insert_text.value or item.insert_text
  local rest, doubled
  if place then
    rest, doubled = along.left_over(place, text)
  end
  if not rest then
    return false
  end
  along.insert(rest, doubled)
  local client = item.command and vim.lsp.get_client_by_id(item.client_id)
  if client then
    client:exec_cmd(item.command, { bufnr = bufnr })
  end
  return true
end

-- `get` of Neovim puts its work off; keys that wait, an Escape for one, would come before it. So it is done at once.
local function get_at_once(options)
  local schedule, work = vim.schedule, nil
  vim.schedule = function(callback)
    work = callback
  end
  local ok, result = pcall(vim.lsp.inline_completion.get, options)
  vim.schedule = schedule
  if not ok then
    error(result, 0)
  end
  if work then
    work()
  end
  return result
end

-- False when nothing is shown, or when something else was typed.
function M.accept()
  local fits = true
  local any = get_at_once({
    on_accept = function(item)
      if not item.range then
        return item
      end
      fits = accept(item)
      return nil
    end,
  })
  return any and fits
end

return M
