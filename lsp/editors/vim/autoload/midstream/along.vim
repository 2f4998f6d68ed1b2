" What is left of a suggestion when its beginning was typed. All of it is read from the current buffer: while keys wait,
" nothing tells us of those before them. Columns count from 1; they and lengths are in bytes.

" Where a suggestion stands, the cursor's place: to be taken before anything is typed along it.
function! midstream#along#place() abort
  return #{buffer: bufnr(), line: line('.'), column: col('.'), count: line('$'),
        \ before: strpart(getline('.'), 0, col('.') - 1), after: strpart(getline('.'), col('.') - 1)}
endfunction

" What was typed since at the place, and the text behind the cursor; empty when other text has changed as well.
function! s:typed_since(place) abort
  let more = line('$') - a:place.count
  if bufnr() != a:place.buffer || line('.') - a:place.line != more || more < 0
        \ || more == 0 && col('.') < a:place.column
    return []
  endif
  let lines = getline(a:place.line, '.')
  if strpart(lines[0], 0, a:place.column - 1) !=# a:place.before
    return []
  endif
  let behind = strpart(lines[-1], col('.') - 1)
  let lines[-1] = strpart(lines[-1], 0, col('.') - 1)
  let lines[0] = strpart(lines[0], a:place.column - 1)
  return [join(lines, "\n"), behind]
endfunction

" Whether `added` is what an editor types by itself behind `typed`: at most a closer for every bracket and quote.
function! s:is_added(added, typed) abort
  let most = strlen(substitute(a:typed, '[^][({"''`]\|]', '', 'g'))
  return strlen(a:added) <= most && a:added =~# '^[])}"''`]*$'
endfunction

" How many of the closers `added` behind the cursor `rest` brings by itself, so that they must go when it is inserted.
function! s:doubled_by(rest, added) abort
  let [number, depth] = [0, 0]
  for character in split(substitute(a:rest, '[^][(){}"''`]', '', 'g'), '\zs')
    if stridx('([{', character) >= 0
      let depth += 1
    elseif stridx(')]}', character) >= 0 && depth > 0
      let depth -= 1
    elseif character ==# strpart(a:added, number, 1)
      let number += 1
    elseif stridx(')]}', character) >= 0
      break
    endif
  endfor
  return number
endfunction

" A list: what is left of the suggestion `text` of a place, and the number of closers behind the cursor that it brings
" too. Empty when something else was typed, or all of it.
function! midstream#along#left_over(place, text) abort
  let since = s:typed_since(a:place)
  if empty(since)
    return []
  endif
  let [typed, behind] = since
  let length = strlen(behind) - strlen(a:place.after)
  if strlen(typed) >= strlen(a:text) || strpart(a:text, 0, strlen(typed)) !=# typed
        \ || length < 0 || strpart(behind, length) !=# a:place.after || !s:is_added(strpart(behind, 0, length), typed)
    return []
  endif
  let rest = strpart(a:text, strlen(typed))
  return [rest, s:doubled_by(rest, strpart(behind, 0, length))]
endfunction
